"""Signed notifications. Source: Standard Webhooks 1.0.0, RFC 7515 and 7519; the rest is ours."""

from __future__ import annotations

from base64 import b64decode, b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import KeySet

from interloom.runtime.errors import BadConfig
from interloom.runtime.wire.keys import SigningKey, public_keys, signing_key
from interloom.runtime.wire.webhooks import (
    TOLERANCE_S,
    HmacSigner,
    JwtSigner,
    UntrustedPost,
    audience,
    check_hmac,
    check_jwt,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the published example
NOW = datetime(2026, 7, 28, 12, tzinfo=UTC)
AT_S = int(NOW.timestamp())
URL = "https://hooks.example:8443/a2a?key=s3cret"
ISSUER = "https://agents.example"
BODY = b'{"statusUpdate":{}}'
EVENT = "task-1/3"


def made(private: Ed25519PrivateKey | EllipticCurvePrivateKey) -> SigningKey:
    """A key of ours from one of the library's."""
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return signing_key(pem)


KEYS = {"EdDSA": made(Ed25519PrivateKey.generate()), "ES256": made(ec_key(SECP256R1()))}
OTHER = made(Ed25519PrivateKey.generate())


def head(*signers: HmacSigner | JwtSigner, at_s: int = AT_S) -> dict[str, str]:
    """The fields of a post, as a receiver reads them."""
    fields = {"webhook-id": EVENT, "webhook-timestamp": str(at_s)}
    for signer in signers:
        signed = signer.sign(EVENT, at_s, URL, BODY)
        fields |= {name.lower(): value for name, value in signed.items()}
    return fields


def test_hmac_is_that_of_the_published_example() -> None:
    """Standard Webhooks: any of its libraries can verify it."""
    signer = HmacSigner.of(SECRET)
    signed = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, URL, b'{"test": 2432232314}')
    assert signed == {"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}
    assert signer.public_keys() == ()


def test_receiver_who_knows_the_secret_gets_the_id_of_the_event() -> None:
    fields = head(HmacSigner.of(SECRET))
    assert check_hmac(fields, BODY, secret=SECRET, now=NOW) == EVENT
    fields["webhook-signature"] = f"v1,old v1a,other {fields['webhook-signature']}"
    assert check_hmac(fields, BODY, secret=SECRET, now=NOW) == EVENT


TAMPERED: dict[str, tuple[dict[str, str], bytes]] = {
    "body": ({}, BODY + b" "),
    "id": ({"webhook-id": "task-1/4"}, BODY),
    "no id": ({"webhook-id": ""}, BODY),
    "time": ({"webhook-timestamp": str(AT_S + 1)}, BODY),
    "no time": ({"webhook-timestamp": ""}, BODY),
    "signature": ({"webhook-signature": "v1,AAAA"}, BODY),
    "no signature": ({"webhook-signature": ""}, BODY),
    "another version": ({"webhook-signature": "v2,AAAA"}, BODY),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_post_that_was_changed_is_not_trusted(case: str) -> None:
    fields, body = TAMPERED[case]
    with pytest.raises(UntrustedPost, match="not signed with this secret"):
        check_hmac({**head(HmacSigner.of(SECRET)), **fields}, body, secret=SECRET, now=NOW)


@pytest.mark.parametrize("late_s", [TOLERANCE_S + 1, -TOLERANCE_S - 1, 10**9])
def test_post_of_another_time_is_a_repeat_by_somebody_else(late_s: int) -> None:
    now = NOW + timedelta(seconds=late_s)
    with pytest.raises(UntrustedPost, match="not signed within 300 s"):
        check_hmac(head(HmacSigner.of(SECRET)), BODY, secret=SECRET, now=now)


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_%%", SECRET.removeprefix("whsec_"), f"whsec_{b64encode(b'x' * 23)!r}"]
    + [f"whsec_{b64encode(b'x' * size).decode()}" for size in (23, 65)],
)
def test_secret_that_is_none_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(BadConfig, match=r"^must be 'whsec_'"):
        HmacSigner.of(secret)


def test_secrets_are_not_shown() -> None:
    assert "MfKQ" not in repr(HmacSigner.of(SECRET))


def checked(fields: dict[str, str], *keys: SigningKey, body: bytes = BODY, **more: str) -> str:
    """What a receiver makes of a post."""
    return check_jwt(
        fields,
        body,
        keys=[key.public() for key in keys],
        issuer=more.get("issuer", ISSUER),
        url=more.get("url", URL),
        now=NOW,
    )


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # by its name; the other says it loudly
@pytest.mark.parametrize("alg", KEYS)
def test_jwt_is_good_for_us_and_for_another_library(alg: str) -> None:
    signer = JwtSigner(KEYS[alg], ISSUER)
    fields = head(signer)
    assert checked(fields, OTHER, KEYS[alg]) == EVENT

    published = orjson.dumps({"keys": list(signer.public_keys())})
    assert b'"d"' not in published
    keys = public_keys(published)
    assert check_jwt(fields, BODY, keys=keys, issuer=ISSUER, url=URL, now=NOW) == EVENT
    token = fields["interloom-notification-jwt"]
    read = jws.deserialize_compact(token, KeySet.import_key_set(orjson.loads(published)), [alg])
    protected = orjson.loads(b64decode(token.split(".")[0] + "=="))
    assert protected == {"alg": alg, "typ": "JWT", "kid": KEYS[alg].kid}
    assert orjson.loads(read.payload) == {
        "iss": ISSUER,
        "aud": "https://hooks.example:8443",
        "iat": AT_S,
        "exp": AT_S + TOLERANCE_S,
        "jti": EVENT,
        "request_body_sha256": sha256(BODY).hexdigest(),
    }


def test_audience_says_nothing_that_is_secret() -> None:
    assert audience(URL) == "https://hooks.example:8443"


@pytest.mark.parametrize(
    ("event", "body", "issuer", "url"),
    [
        ("task-1/4", BODY, ISSUER, URL),
        (EVENT, BODY + b" ", ISSUER, URL),
        (EVENT, BODY, "https://other.example", URL),
        (EVENT, BODY, ISSUER, "https://other.example/a2a"),
    ],
    ids=["event", "body", "sender", "receiver"],
)
def test_jwt_for_something_else_is_not_trusted(
    event: str, body: bytes, issuer: str, url: str
) -> None:
    """A signature is not a passport."""
    fields = {**head(JwtSigner(KEYS["EdDSA"], ISSUER)), "webhook-id": event}
    with pytest.raises(UntrustedPost, match="for another notification"):
        checked(fields, KEYS["EdDSA"], body=body, issuer=issuer, url=url)


def forged(header: dict[str, object], *, sign: SigningKey | None = None) -> dict[str, str]:
    """A post whose JWT has another header; signed all the same, or not at all."""
    claims = head(JwtSigner(KEYS["EdDSA"], ISSUER))["interloom-notification-jwt"].split(".")[1]
    protected = urlsafe_b64encode(orjson.dumps(header)).rstrip(b"=")
    signed = protected + b"." + claims.encode()
    value = b"" if sign is None else urlsafe_b64encode(sign.sign(signed)).rstrip(b"=")
    return {**head(), "interloom-notification-jwt": (signed + b"." + value).decode()}


KID = KEYS["EdDSA"].kid
FORGED = {
    "none": forged({"alg": "none", "kid": KID}),
    "HS256": forged({"alg": "HS256", "kid": KID}, sign=KEYS["EdDSA"]),
    "another key's": forged({"alg": "EdDSA", "kid": KID}, sign=OTHER),
    "unknown key": forged({"alg": "EdDSA", "kid": OTHER.kid}, sign=OTHER),
    "no key": forged({"alg": "EdDSA"}, sign=KEYS["EdDSA"]),
    "crit": forged({"alg": "EdDSA", "kid": KID, "crit": ["exp"]}, sign=KEYS["EdDSA"]),
    "alg of another kind": forged({"alg": "ES256", "kid": KID}, sign=KEYS["EdDSA"]),
    "number": forged({"alg": 7, "kid": KID}, sign=KEYS["EdDSA"]),
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_jwt_is_not_trusted(case: str) -> None:
    """RFC 8725 sections 3.1 and 3.2."""
    with pytest.raises(UntrustedPost, match="no JWT by a key that is trusted"):
        checked(FORGED[case], KEYS["EdDSA"])


@given(st.text(alphabet=st.sampled_from("aA0_-.=+/% \u00e9"), max_size=40))
def test_anything_at_all_in_the_field_is_refused(token: str) -> None:
    with pytest.raises(UntrustedPost):
        checked({**head(), "interloom-notification-jwt": token}, KEYS["EdDSA"])
    with pytest.raises(UntrustedPost):
        check_hmac({**head(), "webhook-signature": token}, BODY, secret=SECRET, now=NOW)
