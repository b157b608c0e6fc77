"""Cards signed here are trusted by the official SDK, and the other way round (A2A 8.4)."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from a2a.types.a2a_pb2 import AgentCard as TheirCard
from a2a.utils.signing import create_agent_card_signer, create_signature_verifier
from google.protobuf.json_format import MessageToJson, ParseDict
from joserfc.jwk import ECKey, OKPKey, RSAKey
from jwt.api_jwk import PyJWK

from interloom.runtime import model
from interloom.runtime.model import AgentCard
from interloom.runtime.values import Json
from interloom.runtime.wire.card import About, Binding, Endpoint, card
from interloom.runtime.wire.keys import public_keys, signing_key
from interloom.runtime.wire.signatures import Reading, UntrustedCard, sign, verify

NOW = datetime(2026, 11, 26, tzinfo=UTC)
KEYS: dict[str, ECKey | OKPKey | RSAKey] = {
    "ES256": ECKey.generate_key("P-256"),
    "EdDSA": OKPKey.generate_key("Ed25519"),
    "RS256": RSAKey.generate_key(2048),
    "PS256": RSAKey.generate_key(2048),
}
SERVED = card(
    About("trip", "Plant Reisen für €."), endpoints=(Endpoint(Binding.JSONRPC, "https://h/a"),)
)
LOCKED: Json = {
    "securitySchemes": {"bearer": {"httpAuthSecurityScheme": {"scheme": "bearer"}}},
    "securityRequirements": [{"schemes": {"bearer": {}}}],
}


def theirs(ours: AgentCard) -> TheirCard:
    return ParseDict(ours.to_dict(), TheirCard())


@pytest.mark.parametrize("alg", KEYS)
def test_sdk_trusts_a_card_signed_here(alg: str) -> None:
    key = signing_key(KEYS[alg].as_pem(private=True), kid="k-1", alg=alg)
    jwk = PyJWK(KEYS[alg].as_dict(private=False), alg)
    asked: list[tuple[str | None, str | None]] = []

    def provide(kid: str | None, jku: str | None) -> PyJWK:
        asked.append((kid, jku))
        return jwk

    signed = sign(SERVED, key, jku="https://h/jwks.json")

    create_signature_verifier(provide, [alg])(theirs(signed))
    assert asked == [("k-1", "https://h/jwks.json")]


@pytest.mark.parametrize("alg", KEYS)
def test_card_signed_by_the_sdk_is_trusted_here(alg: str) -> None:
    signer = create_agent_card_signer(
        PyJWK(KEYS[alg].as_dict(private=True), alg),
        {"kid": "k-1", "alg": alg, "jku": None, "typ": "JOSE"},
    )
    received = model.decode_json(AgentCard, MessageToJson(signer(theirs(SERVED))).encode())
    keys = public_keys(KEYS[alg].as_pem(private=False), kid="k-1")

    assert verify(received, keys, now=NOW).reading is Reading.SPECIFIED


def test_sdk_leaves_out_empty_fields_which_is_trusted_on_demand() -> None:
    """8.4.1 wants REQUIRED fields always; a2a-sdk 1.3 leaves empty ones out of what it signs."""
    locked = model.decode(AgentCard, {**SERVED.to_dict(), **orjson.loads(orjson.dumps(LOCKED))})
    signer = create_agent_card_signer(
        PyJWK(KEYS["ES256"].as_dict(private=True), "ES256"),
        {"kid": "k-1", "alg": "ES256", "jku": None, "typ": "JOSE"},
    )
    received = model.decode_json(AgentCard, MessageToJson(signer(theirs(locked))).encode())
    keys = public_keys(KEYS["ES256"].as_pem(private=False), kid="k-1")

    with pytest.raises(UntrustedCard, match="covers the fields that are not empty"):
        verify(received, keys, now=NOW)
    assert verify(received, keys, now=NOW, readings=tuple(Reading)).reading is Reading.COMPACT
