"""Signed agent cards: what is signed, and whose signature counts (A2A 8.4)."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import cast

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from interloom.runtime import model
from interloom.runtime.model import AgentCard, AgentCardSignature
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.keys import SigningKey, signing_key
from interloom.runtime.wire.signatures import (
    Header,
    Reading,
    UntrustedCard,
    headers,
    payload,
    sign,
    verify,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
WIRE: dict[str, Json] = {
    "name": "Example Agent",
    "description": "",
    "version": "1",
    "supportedInterfaces": [
        {"url": "https://h/a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    ],
    "capabilities": {"streaming": False, "pushNotifications": False, "extensions": []},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [],
}
"""The example of 8.4.1, with the fields it leaves out."""


def key(kid: str) -> SigningKey:
    return signing_key(ECKey.generate_key("P-256").as_pem(private=True), kid=kid)


OURS, OTHER = key("ours"), key("other")


def card(**fields: Json) -> AgentCard:
    return model.decode(AgentCard, {**WIRE, **fields})


def signed_as(header: object, signature: str = "AAAA") -> AgentCard:
    """A card with one signature, made by hand."""
    protected = urlsafe_b64encode(orjson.dumps(header)).rstrip(b"=").decode()
    found = AgentCardSignature(protected=protected, signature=signature)
    return card().model_copy(update={"signatures": (found,)})


def test_what_is_signed_is_the_specifications_example() -> None:
    """A2A 8.4.1: `optional` fields that were set, empty REQUIRED ones, no empty `extensions`."""
    part = orjson.loads(payload(card()))

    shown = {name: part[name] for name in ("capabilities", "description", "name", "skills")}
    assert orjson.dumps(shown) == (
        b'{"capabilities":{"streaming":false,"pushNotifications":false},'
        b'"description":"","name":"Example Agent","skills":[]}'
    ).replace(
        b'"streaming":false,"pushNotifications":false',
        b'"pushNotifications":false,"streaming":false',
    )


def test_keys_are_sorted_and_nothing_is_between_them() -> None:
    """RFC 8785 sections 3.2.1 and 3.2.3: by UTF-16 code units."""
    text = payload(card(name="é\u20ac😀"))

    assert text.startswith(
        b'{"capabilities":{"pushNotifications":false,"streaming":false},"default'
    )
    assert "é\u20ac😀".encode() in text


def test_compact_reading_leaves_out_whatever_is_empty() -> None:
    """Ours: how some signers read 8.4.1; false and 0 are not empty to them."""
    part = orjson.loads(
        payload(card(securityRequirements=[{"schemes": {"b": {}}}]), Reading.COMPACT)
    )

    assert not {"description", "skills", "securityRequirements"} & part.keys()
    assert part["capabilities"] == {"pushNotifications": False, "streaming": False}


def test_signature_is_no_part_of_what_is_signed() -> None:
    """A2A 8.4.1 rule 3."""
    assert payload(sign(card(), OURS)) == payload(card())


def test_signed_card_is_trusted_by_whoever_trusts_the_key() -> None:
    signed = sign(card(), OURS, jku="https://h/jwks.json")

    found = verify(signed, [OTHER.public(), OURS.public()], now=NOW)

    assert found == (Header("ES256", "ours", "https://h/jwks.json"), Reading.SPECIFIED)
    assert headers(signed) == (found.header,)


def test_signature_survives_the_wire() -> None:
    """A2A 8.4.1: verification of a card that was reconstructed."""
    again = model.decode_json(AgentCard, sign(card(), OURS).to_json())

    assert verify(again, [OURS.public()], now=NOW).header.kid == "ours"


def test_header_says_what_it_must() -> None:
    """A2A 8.4.2: `alg` and `kid`; `typ` SHOULD be JOSE."""
    (signature,) = sign(card(), OURS).signatures
    padded = signature.protected + "=" * (-len(signature.protected) % 4)

    assert orjson.loads(urlsafe_b64decode(padded)) == {"alg": "ES256", "typ": "JOSE", "kid": "ours"}


def test_one_good_signature_of_several_is_enough() -> None:
    """A2A 8.4.3: several support key rotation."""
    both = sign(sign(card(), OTHER), OURS)

    assert verify(both, [OURS.public()], now=NOW).header.kid == "ours"


CHANGES: list[JsonObject] = [
    {"name": "Example agent"},
    {"description": " "},
    {"skills": [{"id": "a", "name": "a", "description": "a", "tags": []}]},
    {"capabilities": {"streaming": False}},
    {"capabilities": {"streaming": True, "pushNotifications": False}},
    {"securityRequirements": [{"schemes": {}}]},
    {"iconUrl": ""},
]


@pytest.mark.parametrize("change", CHANGES)
def test_changed_card_is_not_trusted(change: JsonObject) -> None:
    """A2A 8.4.1: presence counts, too."""
    changed = model.decode(AgentCard, {**sign(card(), OURS).to_dict(), **change})

    with pytest.raises(UntrustedCard, match=r"signatures\[0\] does not match the card"):
        verify(changed, [OURS.public()], now=NOW)


def test_unsigned_card_is_not_trusted() -> None:
    with pytest.raises(UntrustedCard, match="the agent card is not signed"):
        verify(card(), [OURS.public()], now=NOW)


def test_key_we_do_not_know_is_not_trusted() -> None:
    with pytest.raises(UntrustedCard, match="made with a key that is not trusted"):
        verify(sign(card(), OTHER), [OURS.public()], now=NOW)


def test_name_of_a_trusted_key_is_no_signature() -> None:
    """Ours: somebody else may call their key as ours is called."""
    impostor = sign(card(), key("ours"))

    with pytest.raises(UntrustedCard, match="does not match the card"):
        verify(impostor, [OURS.public()], now=NOW)


def test_compact_signature_counts_for_those_who_said_so() -> None:
    signed = sign(card(), OURS, reading=Reading.COMPACT)

    with pytest.raises(UntrustedCard, match="covers the fields that are not empty"):
        verify(signed, [OURS.public()], now=NOW)
    found = verify(signed, [OURS.public()], now=NOW, readings=tuple(Reading))
    assert found.reading is Reading.COMPACT


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ([], "has no header"),
        ("x" * 5000, "has no header"),
        ({"alg": "none", "kid": "ours"}, "an algorithm that is none of"),
        ({"alg": "HS256", "kid": "ours"}, "an algorithm that is none of"),
        ({"kid": "ours"}, "an algorithm that is none of"),
        ({"alg": 7, "kid": "ours"}, "an algorithm that is none of"),
        ({"alg": "ES256"}, "does not name its key"),
        ({"alg": "ES256", "kid": ""}, "does not name its key"),
        ({"alg": "ES256", "kid": "ours", "jku": 7}, "does not name its key"),
        ({"alg": "ES256", "kid": "ours", "crit": ["exp"]}, "demands what is not understood"),
        ({"alg": "ES256", "kid": "ours", "b64": False}, "demands what is not understood"),
    ],
)
def test_header_that_is_none_is_not_trusted(header: object, problem: str) -> None:
    """RFC 7515 sections 4.1.1 and 4.1.11; RFC 8725 section 3.1."""
    with pytest.raises(UntrustedCard, match=problem):
        verify(signed_as(header), [OURS.public()], now=NOW)
    assert headers(signed_as(header)) == ()


@pytest.mark.parametrize("text", ["", "!", "AA=", "AA\n", "é", "A" * 5, "{}"])
def test_text_that_is_no_base64url_is_not_trusted(text: str) -> None:
    """RFC 7515 section 2: no padding, no white space."""
    good = sign(card(), OURS)
    (signature,) = good.signatures
    for field in ("protected", "signature"):
        broken = signature.model_copy(update={field: text})
        with pytest.raises(UntrustedCard):
            verify(good.model_copy(update={"signatures": (broken,)}), [OURS.public()], now=NOW)


def test_signatures_without_end_are_looked_at_in_part() -> None:
    many = card().model_copy(update={"signatures": signed_as([]).signatures * 100})

    with pytest.raises(UntrustedCard) as caught:
        verify(sign(many, OURS), [OURS.public()], now=NOW)

    assert "signatures[15]" in str(caught.value)
    assert "signatures[16]" not in str(caught.value)


def test_number_that_has_no_canonical_form_cannot_be_signed() -> None:
    """RFC 8785 section 3.2.2.3: numbers are IEEE 754 doubles."""
    params: Json = {"extensions": [{"uri": "urn:x", "params": {"n": 2**60}}]}

    with pytest.raises(UntrustedCard, match="a number that has no canonical form"):
        sign(card(capabilities=params), OURS)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), PLAIN, max_size=3), st.text(max_size=20))
def test_any_card_is_trusted_after_any_writer(params: dict[str, object], name: str) -> None:
    """A2A 8.4.1: whatever the order of keys and the way of writing."""
    capabilities = {"extensions": [{"uri": "urn:x", "params": params}]}
    signed = sign(card(name=name, capabilities=cast("Json", capabilities)), OURS)
    written = orjson.dumps(signed.to_dict(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)

    assert verify(model.decode_json(AgentCard, written), [OURS.public()], now=NOW)
