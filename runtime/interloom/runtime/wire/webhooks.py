"""Signed notifications: an HMAC or a JWT over a post, made here and held against it there.

Source: Standard Webhooks 1.0.0 (the fields `webhook-id`, `webhook-timestamp`, `webhook-signature`;
`v1` is HMAC-SHA256 over `id.timestamp.body`; secrets are `whsec_` and base64 of 24 to 64 bytes);
RFC 7515 and RFC 7519 (a compact JWS and its claims). That the JWT says the hash of the body in
`request_body_sha256`, and travels in a field of its own, is `ours`: `Authorization` carries what
the receiver's own config asked for (A2A 4.3.3).
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import orjson

from interloom.runtime.errors import BadConfig, PeerError
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.keys import ALGORITHMS, PublicKey, SigningKey

EVENT_ID: Final = "webhook-id"
SENT_AT: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
JWT: Final = "interloom-notification-jwt"
"""Fields of a post, in small letters."""

TOLERANCE_S: Final = 300
"""Seconds a receiver's clock may be off, and a signature is good for."""
MAX_SIGNATURES: Final = 16
"""Signatures of one field that are looked at (ours)."""
MAX_JWT: Final = 8192
"""Characters of a JWT that is looked at (ours)."""
_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = range(24, 65)


class UntrustedPost(PeerError):
    """A notification is not what its signature says, or has none; it must not be acted upon."""

    code = "POST_UNTRUSTED"


@dataclass(frozen=True, slots=True)
class HmacSigner:
    """Signs with a secret that the receivers know, too."""

    _secret: bytes = field(repr=False)

    @classmethod
    def of(cls, secret: str) -> HmacSigner:
        """Read a secret.

        Raises:
            BadConfig: It is none, or too short to be one.
        """
        return cls(_key(secret))

    def sign(self, event_id: str, at_s: int, url: str, body: bytes) -> dict[str, str]:
        """The field that proves a post."""
        del url
        return {SIGNATURE: _hmac(self._secret, event_id, str(at_s), body)}

    def public_keys(self) -> Sequence[JsonObject]:
        """None that may be told."""
        return ()


@dataclass(frozen=True, slots=True)
class JwtSigner:
    """Signs with a private key, whose public half everybody may fetch.

    Attributes:
        key: Signs.
        issuer: Who says so: the address this process is reached at.
    """

    key: SigningKey
    issuer: str

    def sign(self, event_id: str, at_s: int, url: str, body: bytes) -> dict[str, str]:
        """The field that proves a post."""
        header = {"alg": self.key.alg, "typ": "JWT", "kid": self.key.kid}
        claims = {
            "iss": self.issuer,
            "aud": audience(url),
            "iat": at_s,
            "exp": at_s + TOLERANCE_S,
            "jti": event_id,
            "request_body_sha256": hashlib.sha256(body).hexdigest(),
        }
        signed = b".".join(_encoded(orjson.dumps(part)) for part in (header, claims))
        return {JWT: (signed + b"." + _encoded(self.key.sign(signed))).decode()}

    def public_keys(self) -> Sequence[JsonObject]:
        """The public key, as a JSON Web Key."""
        return (self.key.jwk(),)


def audience(url: str) -> str:
    """Whom a post to a URL is for: its origin, without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def check_hmac(headers: Mapping[str, str], body: bytes, *, secret: str, now: datetime) -> str:
    """Hold a post against a secret; for those who receive notifications.

    Args:
        headers: Of the request, names in small letters.
        body: As it came, byte for byte.
        secret: `whsec_…`, as the sender has it.
        now: The present moment.

    Returns:
        The event's id: one that was seen before is a repeat.

    Raises:
        UntrustedPost: Unsigned, changed, too old, or made with another secret.
        BadConfig: The secret is none.
    """
    event_id, said_at = headers.get(EVENT_ID, ""), headers.get(SENT_AT, "")
    expected = _hmac(_key(secret), event_id, said_at, body)
    given = headers.get(SIGNATURE, "").split(" ")[:MAX_SIGNATURES]
    if not event_id or not any(_is_same(expected, each) for each in given):
        raise UntrustedPost("the notification is not signed with this secret")
    sent_s = int(said_at) if said_at.isascii() and said_at.isdigit() else 0
    _check_time(sent_s, now)
    return event_id


def check_jwt(
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: Sequence[PublicKey],
    issuer: str,
    url: str,
    now: datetime,
) -> str:
    """Hold a post against its JWT; for those who receive notifications.

    Args:
        headers: Of the request, names in small letters.
        body: As it came, byte for byte.
        keys: The sender's, from `/.well-known/jwks.json` below its address.
        issuer: The sender's address.
        url: Where the notification was to go.
        now: The present moment.

    Returns:
        The event's id: one that was seen before is a repeat.

    Raises:
        UntrustedPost: Unsigned, changed, too old, of another sender or for another receiver.
    """
    claims = _verified(headers.get(JWT, ""), keys, now)
    event_id = claims.get("jti")
    expected: tuple[Json, ...] = (issuer, audience(url), hashlib.sha256(body).hexdigest())
    given = claims.get("iss"), claims.get("aud"), claims.get("request_body_sha256")
    if given != expected or not isinstance(event_id, str) or event_id != headers.get(EVENT_ID):
        raise UntrustedPost("the notification's JWT is for another notification")
    sent_s = claims.get("iat")
    _check_time(sent_s if isinstance(sent_s, int) else 0, now)
    return event_id


def _verified(token: str, keys: Sequence[PublicKey], now: datetime) -> JsonObject:
    signed, _, signature = token[:MAX_JWT].rpartition(".")
    head, _, payload = signed.partition(".")
    header, claims = _object(head), _object(payload)
    alg, kid, value = header.get("alg"), header.get("kid"), _decoded(signature)
    good = isinstance(alg, str) and alg in ALGORITHMS and "crit" not in header
    if not good or not any(
        key.kid == kid and key.verifies(str(alg), signed.encode(), value, now=now) for key in keys
    ):
        raise UntrustedPost("the notification has no JWT by a key that is trusted")
    return claims


def _check_time(sent_s: int, now: datetime) -> None:
    if abs(now.timestamp() - sent_s) > TOLERANCE_S:
        raise UntrustedPost(f"the notification was not signed within {TOLERANCE_S} s")


def _hmac(secret: bytes, event_id: str, said_at: str, body: bytes) -> str:
    signed = b"%b.%b.%b" % (event_id.encode(), said_at.encode(), body)
    return "v1," + b64encode(hmac.digest(secret, signed, "sha256")).decode()


def _is_same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())


def _key(secret: str) -> bytes:
    try:
        found = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (NotBase64, ValueError):
        found = b""
    if not secret.startswith(_PREFIX) or len(found) not in _SECRET_BYTES:
        raise BadConfig("must be 'whsec_' and the base64 of 24 to 64 random bytes")
    return found


def _object(encoded: str) -> JsonObject:
    try:
        found: Json = orjson.loads(_decoded(encoded))
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _encoded(value: bytes) -> bytes:
    return urlsafe_b64encode(value).rstrip(b"=")


def _decoded(value: str) -> bytes:
    try:
        return urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except (NotBase64, ValueError):
        return b""
