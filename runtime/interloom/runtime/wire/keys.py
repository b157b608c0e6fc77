"""Keys that sign and verify: from PEM or a JSON Web Key Set, for an allow-list of algorithms.

Source: RFC 7517 (JWK, JWKS), RFC 7518 and 8037 (algorithms), RFC 7638 (thumbprints). The allow-list
is ours: asymmetric, nothing below 128 bits, never `none` and never a shared secret, with which
whoever can verify could sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, TypeAlias, cast

import orjson
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from interloom.runtime.errors import BadConfig
from interloom.runtime.values import Json, JsonObject

Key: TypeAlias = ECKey | OKPKey | RSAKey

ALGORITHMS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "ES256": ("EC", "P-256"),
        "EdDSA": ("OKP", "Ed25519"),
        "RS256": ("RSA", ""),
        "PS256": ("RSA", ""),
    }
)
"""Key type and curve of each algorithm; the first that a key can do is its own."""

MIN_RSA_BITS: Final = 2048
"""RFC 7518 sections 3.3 and 3.5."""
MAX_KEYS: Final = 64
"""Keys read from one set (ours)."""

_KINDS: Final[tuple[type[Key], ...]] = (ECKey, OKPKey, RSAKey)
_BAD_KEY: Final = (JoseError, ValueError, TypeError)
"""What the library raises for what is no key of the kind."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with what a signature says of it.

    Attributes:
        kid: Its id.
        alg: The algorithm it signs with.
    """

    kid: str
    alg: str
    _key: Key = field(repr=False)

    def sign(self, signed: bytes) -> bytes:
        """A signature over bytes. Of ES256 and PS256 no two are the same: they hold a random."""
        return JWSRegistry.algorithms[self.alg].sign(signed, self._key)

    def public(self) -> PublicKey:
        """The key that verifies what this one signs."""
        return PublicKey(self.kid, frozenset({self.alg}), self._key)

    def jwk(self) -> JsonObject:
        """The public key as a JSON Web Key."""
        own: dict[str, Json] = {"kid": self.kid, "alg": self.alg, "use": "sig"}
        return {**self._key.as_dict(private=False), **own}

    def jwks(self) -> JsonObject:
        """The public key as a JSON Web Key Set of one."""
        return {"keys": [self.jwk()]}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies.

    Attributes:
        kid: Its id.
        algorithms: What it may be used for.
        ends_at: When it stops being used, or None.
    """

    kid: str
    algorithms: frozenset[str]
    _key: Key = field(repr=False)
    ends_at: datetime | None = None

    def verifies(self, alg: str, signed: bytes, signature: bytes, *, now: datetime) -> bool:
        """Whether a signature is this key's, made with an algorithm it may be used for."""
        if alg not in self.algorithms or (self.ends_at is not None and now >= self.ends_at):
            return False
        try:
            return bool(JWSRegistry.algorithms[alg].verify(signed, signature, self._key))
        except _BAD_KEY:
            return False


def signing_key(pem: bytes, *, kid: str = "", alg: str = "") -> SigningKey:
    """Read a private key.

    Args:
        pem: PKCS#8, without a password.
        kid: Its id; the thumbprint (RFC 7638) when empty.
        alg: The algorithm to sign with; the first of `ALGORITHMS` for such a key when empty.

    Raises:
        BadConfig: No private key, or one that does not do the algorithm.
    """
    key = _from_pem(pem)
    if key is None or not key.is_private:
        raise BadConfig("is no private key: PEM (PKCS#8) of EC P-256, Ed25519 or RSA is read")
    able = _able(key)
    if not able:
        raise BadConfig(f"cannot be signed with: EC P-256, Ed25519 or RSA from {MIN_RSA_BITS} bits")
    if alg and alg not in able:
        raise BadConfig(f"does not sign with {alg}, but with {' or '.join(able)}")
    return SigningKey(kid or key.thumbprint(), alg or able[0], key)


def public_keys(text: bytes, *, kid: str = "") -> tuple[PublicKey, ...]:
    """Read public keys from PEM, or from a JSON Web Key Set.

    A key of a set that is of no use here is passed over (RFC 7517 section 5), as is one that was
    revoked.

    Args:
        text: Either.
        kid: Id of the key in the PEM; its thumbprint when empty.

    Raises:
        BadConfig: There is no key to verify with.
    """
    if text.lstrip().startswith(b"-----"):
        key = _from_pem(text)
        found = [] if key is None else [_public(key, {"kid": kid})]
    else:
        found = [_public(key, jwk) for jwk in _jwks(text) if (key := _from_jwk(jwk)) is not None]
    usable = tuple(each for each in found if each.algorithms)
    if not usable:
        raise BadConfig("holds no key to verify with: PEM, or JWKS, of EC P-256, Ed25519 or RSA")
    return usable


def _public(key: Key, jwk: JsonObject) -> PublicKey:
    able, kid, ends_s = _able(key), jwk.get("kid"), jwk.get("exp")
    if isinstance(alg := jwk.get("alg"), str):
        able = tuple(each for each in able if each == alg)
    if jwk.get("use", "sig") != "sig" or jwk.get("revoked"):
        able = ()
    operations = jwk.get("key_ops")
    if isinstance(operations, list) and "verify" not in operations:
        able = ()
    name = kid if isinstance(kid, str) and kid else key.thumbprint()
    return PublicKey(name, frozenset(able), key, _moment(ends_s))


def _moment(seconds: Json) -> datetime | None:
    """A NumericDate (RFC 7519 section 2); one that cannot be read has passed."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(float(cast("float", seconds)), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return datetime.min.replace(tzinfo=UTC)


def _able(key: Key) -> tuple[str, ...]:
    """The algorithms a key can do."""
    if isinstance(key, RSAKey) and key.raw_value.key_size < MIN_RSA_BITS:
        return ()
    curve = "" if isinstance(key, RSAKey) else key.as_dict(private=False).get("crv", "")
    return tuple(name for name, kind in ALGORITHMS.items() if kind == (key.key_type, curve))


def _from_pem(pem: bytes) -> Key | None:
    for kind in _KINDS:
        try:
            return kind.import_key(pem)
        except _BAD_KEY:
            continue
    return None


def _from_jwk(jwk: JsonObject) -> Key | None:
    kind = next((each for each in _KINDS if each.key_type == jwk.get("kty")), None)
    if kind is None:
        return None
    try:
        material = {name: value for name, value in jwk.items() if name in _MATERIAL}
        return kind.import_key(cast("dict[str, str | list[str]]", material))  # it checks them
    except _BAD_KEY:
        return None


_MATERIAL: Final = frozenset({"kty", "crv", "x", "y", "n", "e"})
"""Members that are the public key; a private one in a set is nothing we want to hold."""


def _jwks(text: bytes) -> Iterator[JsonObject]:
    try:
        found: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return
    keys = found.get("keys") if isinstance(found, Mapping) else None
    if isinstance(keys, list):
        yield from (each for each in keys[:MAX_KEYS] if isinstance(each, Mapping))
