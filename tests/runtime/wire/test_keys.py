"""Keys that sign and verify: what is read, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from interloom.runtime.errors import BadConfig
from interloom.runtime.values import Json
from interloom.runtime.wire.keys import ALGORITHMS, public_keys, signing_key

NOW = datetime(2026, 11, 26, tzinfo=UTC)
EC, OKP, RSA = (
    ECKey.generate_key("P-256"),
    OKPKey.generate_key("Ed25519"),
    RSAKey.generate_key(2048),
)
OF: dict[str, ECKey | OKPKey | RSAKey] = {"ES256": EC, "EdDSA": OKP, "RS256": RSA, "PS256": RSA}


def jwks(*keys: dict[str, Json]) -> bytes:
    return orjson.dumps({"keys": keys})


def public(key: ECKey | OKPKey | RSAKey, **more: Json) -> dict[str, Json]:
    return {**key.as_dict(private=False), **more}


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_what_a_key_signs_its_public_key_verifies(alg: str) -> None:
    """RFC 7518 section 3, RFC 8037 section 3.1; by PEM and by JWKS."""
    key = signing_key(OF[alg].as_pem(private=True), kid="k", alg=alg)
    signature = key.sign(b"said")
    pem = public_keys(OF[alg].as_pem(private=False), kid="k")
    published = public_keys(orjson.dumps(key.jwks()))

    for (reader,) in (pem, published, (key.public(),)):
        assert reader.kid == "k"
        assert reader.verifies(alg, b"said", signature, now=NOW)
        assert not reader.verifies(alg, b"sung", signature, now=NOW)
        assert not reader.verifies(alg, b"said", signature[:-1], now=NOW)
        assert not reader.verifies(alg, b"said", b"", now=NOW)


def test_key_signs_with_its_first_algorithm_unless_told() -> None:
    assert signing_key(EC.as_pem(private=True)).alg == "ES256"
    assert signing_key(OKP.as_pem(private=True)).alg == "EdDSA"
    assert signing_key(RSA.as_pem(private=True)).alg == "RS256"


def test_key_without_a_name_is_called_by_its_thumbprint() -> None:
    """RFC 7638: both sides come to the same name."""
    (reader,) = public_keys(EC.as_pem(private=False))

    assert reader.kid == signing_key(EC.as_pem(private=True)).kid == EC.thumbprint()


def test_published_key_keeps_its_secret() -> None:
    """RFC 7518 section 6: `d` and its like are the private key."""
    for key in (EC, OKP, RSA):
        (jwk,) = orjson.loads(orjson.dumps(signing_key(key.as_pem(private=True)).jwks()))["keys"]
        assert not jwk.keys() & {"d", "p", "q", "dp", "dq", "qi"}


def test_secret_is_in_no_representation() -> None:
    assert "PRIVATE" not in repr(signing_key(EC.as_pem(private=True)))


@pytest.mark.parametrize(
    ("pem", "rule"),
    [
        (b"", "is no private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is no private key"),
        (EC.as_pem(private=False), "is no private key"),
        (ECKey.generate_key("P-384").as_pem(private=True), "cannot be signed with"),
        (OKPKey.generate_key("X25519").as_pem(private=True), "cannot be signed with"),
    ],
    ids=["empty", "broken", "public", "other curve", "for agreement"],
)
def test_key_that_cannot_sign_is_refused(pem: bytes, rule: str) -> None:
    with pytest.raises(BadConfig, match=rule):
        signing_key(pem)


def test_key_signs_with_no_algorithm_of_another_kind() -> None:
    with pytest.raises(BadConfig, match="does not sign with ES256, but with RS256 or PS256"):
        signing_key(RSA.as_pem(private=True), alg="ES256")


@pytest.mark.parametrize("alg", ["none", "HS256", "ES384", "RS512", "", "es256"])
def test_algorithm_that_is_not_listed_verifies_nothing(alg: str) -> None:
    """Ours: `none` is no signature, and HS256 a secret that both sides hold."""
    (reader,) = public_keys(EC.as_pem(private=False))

    assert not reader.verifies(alg, b"said", b"", now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b'{"keys":{}}',
        b'{"keys":[1,null,"x"]}',
        jwks({"kty": "oct", "k": "c2VjcmV0"}),
        orjson.dumps({"keys": [OctKey.import_key(b"0123456789abcdef" * 2).as_dict(private=True)]}),
        jwks({"kty": "EC"}),
        jwks({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
        jwks({"kty": "EC", "crv": 3, "x": [], "y": {}}),
        jwks({"kty": "RSA", "n": "AA", "e": "AQAB"}),
        jwks(public(EC, use="enc")),
        jwks(public(EC, key_ops=["encrypt"])),
        jwks(public(EC, alg="ES384")),
        jwks(public(EC, revoked={"revoked_at": 1})),
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ],
)
def test_text_without_a_key_to_verify_with_is_refused(text: bytes) -> None:
    """RFC 7517 sections 4 and 5: what a key is for counts; shared secrets are no keys here."""
    with pytest.raises(BadConfig, match="holds no key to verify with"):
        public_keys(text)


def test_useless_key_of_a_set_is_passed_over() -> None:
    """RFC 7517 section 5."""
    (reader,) = public_keys(jwks({"kty": "new"}, public(EC, kid="good"), {"kty": "EC"}))

    assert reader.kid == "good"


def test_set_without_end_is_read_in_part() -> None:
    keys = public_keys(jwks(*(public(OKP, kid=f"k{number}") for number in range(200))))

    assert len(keys) == 64


@pytest.mark.parametrize(
    ("ends", "is_used"),
    [(NOW.timestamp() + 1, True), (NOW.timestamp(), False), ("soon", False), (1e300, False)],
)
def test_key_whose_time_is_over_is_not_used(ends: Json, is_used: bool) -> None:
    """A2A 8.4.3: expired keys MUST NOT be used; ours: `exp` of a key says when."""
    signature = signing_key(EC.as_pem(private=True)).sign(b"said")
    (reader,) = public_keys(jwks(public(EC, exp=ends)))

    assert reader.verifies("ES256", b"said", signature, now=NOW) is is_used
