"""Who calls: from what a request proves to the principal its tasks belong to.

Source: A2A 1.0.1 sections 3.3.2 and 7.4 (every request is authenticated, refusals carry a
challenge), 4.5 (schemes on the card) and 13.1 (nobody sees another's task); RFC 6750 (bearer
tokens); RFC 9110 11.6.1 (challenges).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from interloom.runtime.errors import BadConfig, Unauthenticated
from interloom.runtime.model import (
    HTTPAuthSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from interloom.runtime.wire.card import Security

REALM: Final = "interloom"
"""What credentials are for, as challenges name it."""
_BEARER: Final = Security(
    {"bearer": SecurityScheme(http_auth_security_scheme=HTTPAuthSecurityScheme(scheme="Bearer"))},
    (SecurityRequirement(schemes={"bearer": StringList()}),),
)
_SPLIT: Final = "\x1f"
_WORDS: Final = re.compile(r"[^\x00-\x1f\x7f]+")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who has proved who they are.

    Attributes:
        name: Unique for the authenticator; tasks belong to it. No control characters.
        tenants: The tenants it may act in; None for any.

    Raises:
        BadConfig: The name is empty or has control characters.
    """

    name: str
    tenants: frozenset[str] | None = frozenset()

    def __post_init__(self) -> None:
        if _WORDS.fullmatch(self.name) is None:
            raise BadConfig("a principal's name is text without control characters")


def owner(principal: Principal | None, tenant: str) -> str:
    """Whom a task belongs to: tasks of one tenant are not to be seen from another (13.1)."""
    name = "" if principal is None else principal.name
    return f"{tenant}{_SPLIT}{name}" if tenant else name


class Credentials(NamedTuple):
    """What a request brings along to prove who calls.

    Attributes:
        headers: HTTP headers, or gRPC metadata, by name in small letters.
        certificate: The client certificate the connection was opened with, PEM; None without.
    """

    headers: Mapping[bytes, bytes]
    certificate: str | None = None


class Authenticator(Protocol):
    """Tells callers apart; the same one stands before every binding."""

    @property
    def security(self) -> Security:
        """What cards say of it: the schemes, and which of them are needed."""
        ...

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Who calls.

        Raises:
            Unauthenticated: It is not known; `details["challenge"]` says how to prove it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token and whom it stands for.

    Attributes:
        principal: Who calls when it is shown.
        secret: The token, in the characters RFC 6750 2.1 lets a header carry.
    """

    principal: Principal
    secret: str = field(repr=False)


class BearerTokens:
    """Tokens that were handed out beforehand.

    The tokens are not kept: a token shown is looked up by its hash under a key of this process, so
    that neither the time an answer takes nor a dump of the memory helps to guess one.

    Args:
        tokens: At least one; several may stand for one principal, while one replaces another.

    Raises:
        BadConfig: There is none, one is given twice, or one cannot stand in a header.
    """

    def __init__(self, *tokens: Token) -> None:
        if not tokens:
            raise BadConfig("there is no token, so nobody could call")
        if any(_TOKEN.fullmatch(each.secret) is None for each in tokens):
            raise BadConfig("a token is letters, digits and . _ ~ + / - (RFC 6750 2.1)")
        self._key = os.urandom(32)
        self._known = {self._digest(each.secret.encode()): each.principal for each in tokens}
        if len(self._known) < len(tokens):
            raise BadConfig("two tokens are the same")

    @property
    def security(self) -> Security:
        """The scheme `bearer`, and that it is needed."""
        return _BEARER

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Who holds the token of the `Authorization` field; see `Authenticator`."""
        sent = credentials.headers.get(b"authorization", b"")
        scheme, _, secret = sent.partition(b" ")
        if scheme.lower() != b"bearer" or not secret:
            raise _unproven("credentials are needed", f'Bearer realm="{REALM}"')
        principal = self._known.get(self._digest(secret.strip()))
        if principal is None:
            challenge = f'Bearer realm="{REALM}", error="invalid_token"'  # RFC 6750 3.1
            raise _unproven("the token is not one of ours", challenge)
        return principal

    def _digest(self, secret: bytes) -> bytes:
        return hashlib.blake2b(secret, key=self._key, digest_size=32).digest()


def _unproven(message: str, challenge: str) -> Unauthenticated:
    return Unauthenticated(message, details={"challenge": challenge})
