"""Signed agent cards: a detached JWS over the card in canonical form.

Source: A2A 1.0.1 section 8.4; RFC 7515 (JWS), RFC 8785 (JCS). A card is canonical in the data
model's own JSON: REQUIRED fields always, `optional` ones when they were set, all others when they
differ from their default (8.4.1 rule 1), which is what `WireModel.to_dict` writes.

Some signers leave out every empty text, list and object, REQUIRED or not. That reading protects
less (a requirement without scopes may be taken away unseen), so nobody accepts it who did not say
so.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import Final, NamedTuple

import orjson
import rfc8785

from interloom.runtime.errors import PeerError
from interloom.runtime.model import AgentCard, AgentCardSignature
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.keys import ALGORITHMS, PublicKey, SigningKey

MAX_SIGNATURES: Final = 16
"""Signatures of one card that are looked at (ours)."""
MAX_PROTECTED: Final = 4096
"""Characters of one protected header (ours)."""


class UntrustedCard(PeerError):
    """No signature of the card is one we trust; the message says what each lacks."""

    code = "CARD_UNTRUSTED"


@unique
class Reading(Enum):
    """What is signed of a card."""

    SPECIFIED = "spec"
    """The fields that 8.4.1 says."""
    COMPACT = "compact"
    """Those of them that are not empty."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a signature says of itself (8.4.2).

    Attributes:
        alg: Its algorithm.
        kid: Id of its key.
        jku: Where it says the key is; empty for nowhere.
    """

    alg: str
    kid: str
    jku: str = ""


class Verified(NamedTuple):
    """The signature that was good.

    Attributes:
        header: What it says of itself.
        reading: What it covers.
    """

    header: Header
    reading: Reading


def payload(card: AgentCard, reading: Reading = Reading.SPECIFIED) -> bytes:
    """The bytes that are signed: canonical JSON without `signatures`.

    Raises:
        UntrustedCard: A number in it is beyond those that every reader takes for the same.
    """
    fields: Json = {name: value for name, value in card.to_dict().items() if name != "signatures"}
    if reading is Reading.COMPACT:
        fields = _without_empty(fields)
    try:
        return rfc8785.dumps(fields)
    except rfc8785.CanonicalizationError:
        raise UntrustedCard("the agent card holds a number that has no canonical form") from None


def sign(
    card: AgentCard, key: SigningKey, *, jku: str = "", reading: Reading = Reading.SPECIFIED
) -> AgentCard:
    """The card with one signature more.

    Args:
        card: With the signatures it has.
        key: Signs it.
        jku: Where the public key is found, as a JSON Web Key Set.
        reading: What is signed.
    """
    header = {"alg": key.alg, "typ": "JOSE", "kid": key.kid, **({"jku": jku} if jku else {})}
    protected = _encoded(orjson.dumps(header))
    signature = _encoded(key.sign(_signed(protected, payload(card, reading))))
    added = AgentCardSignature(protected=protected, signature=signature)
    return card.model_copy(update={"signatures": (*card.signatures, added)})


def headers(card: AgentCard) -> tuple[Header, ...]:
    """What the card's signatures say of themselves, those that are none left out."""
    found = (_header(each) for each in card.signatures[:MAX_SIGNATURES])
    return tuple(each for each in found if isinstance(each, Header))


def verify(
    card: AgentCard,
    keys: Sequence[PublicKey],
    *,
    now: datetime,
    readings: Collection[Reading] = (Reading.SPECIFIED,),
) -> Verified:
    """Find a signature of the card that one of our keys made (8.4.3).

    Args:
        card: As it was received.
        keys: Those we trust; a key is used for the signatures that name it alone.
        now: Keys whose time is over are not used.
        readings: What a signature may cover.

    Raises:
        UntrustedCard: There is none.
    """
    if not card.signatures:
        raise UntrustedCard("the agent card is not signed")
    problems: list[str] = []
    payloads = [(reading, payload(card, reading)) for reading in Reading]
    for number, signature in enumerate(card.signatures[:MAX_SIGNATURES]):
        header = _header(signature)
        if isinstance(header, str):
            problems.append(f"signatures[{number}] {header}")
            continue
        good = _good(header, signature, keys, payloads, now)
        if good is not None and good in readings:
            return Verified(header, good)
        problems.append(f"signatures[{number}] {_problem(header, keys, good)}")
    raise UntrustedCard(f"no signature of the agent card is trusted: {'; '.join(problems)}")


def _good(
    header: Header,
    signature: AgentCardSignature,
    keys: Sequence[PublicKey],
    payloads: Sequence[tuple[Reading, bytes]],
    now: datetime,
) -> Reading | None:
    """What a signature covers, or None when it is none of our keys'."""
    value = _decoded(signature.signature)
    if value is None:
        return None
    named = [key for key in keys if key.kid == header.kid]
    for reading, text in payloads:
        signed = _signed(signature.protected, text)
        if any(key.verifies(header.alg, signed, value, now=now) for key in named):
            return reading
    return None


def _problem(header: Header, keys: Sequence[PublicKey], good: Reading | None) -> str:
    if good is not None:
        return "covers the fields that are not empty, and no others"
    if not any(key.kid == header.kid for key in keys):
        return "is made with a key that is not trusted"
    return "does not match the card, or its key may not be used any more"


def _header(signature: AgentCardSignature) -> Header | str:
    """The protected header, or what is wrong with it."""
    found = _object(signature.protected)
    if found is None:
        return "has no header"
    alg, kid, jku = found.get("alg"), found.get("kid"), found.get("jku") or ""
    if "crit" in found or "b64" in found:
        return "demands what is not understood here"  # RFC 7515 section 4.1.11
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        return f"is made with an algorithm that is none of {', '.join(ALGORITHMS)}"
    if not isinstance(kid, str) or not kid or not isinstance(jku, str):
        return "does not name its key"
    return Header(alg, kid, jku)


def _object(protected: str) -> JsonObject | None:
    if len(protected) > MAX_PROTECTED:
        return None
    try:
        found: Json = orjson.loads(_decoded(protected) or b"")
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, Mapping) else None


def _without_empty(value: Json) -> Json:
    if isinstance(value, Mapping):
        kept = ((name, _without_empty(each)) for name, each in value.items())
        return {name: each for name, each in kept if not _is_empty(each)}
    if isinstance(value, list | tuple):
        return [each for item in value if not _is_empty(each := _without_empty(item))]
    return value


def _is_empty(value: Json) -> bool:
    return value is None or (isinstance(value, str | Mapping | list) and not value)


def _signed(protected: str, text: bytes) -> bytes:
    return b"%b.%b" % (protected.encode(), _encoded(text).encode())


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decoded(text: str) -> bytes | None:
    """base64url without padding, strictly; None for anything else (RFC 7515 section 2)."""
    if not text.isascii() or not text.replace("-", "").replace("_", "").isalnum():
        return None
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
