"""Whether a result may be kept, for whom and how long. No I/O.

Source: MCP 2026-07-28, server/utilities/caching; `CacheableResult` in schema.ts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, unique
from typing import Final, NamedTuple

import orjson

from interloom.bridges.mcp.core.errors import BadResult
from interloom.runtime.errors import LocalError
from interloom.runtime.values import JsonObject

CACHEABLE: Final = frozenset(
    {
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "resources/read",
    }
)
"""Methods whose results carry caching hints ("Cacheable Results")."""

_ROUNDS: Final = ("inputResponses", "requestState")
_NOT_KEYED: Final = ("_meta",)


@unique
class Scope(Enum):
    """Who may be given a kept result."""

    PUBLIC = "public"
    PRIVATE = "private"


class Hint(NamedTuple):
    """What a server says about keeping its result.

    Attributes:
        ttl_ms: Milliseconds it may be taken for fresh; 0 when it may not, or does not say.
        scope: Who may be given it; private unless the server says public.
    """

    ttl_ms: int
    scope: Scope


class Key(NamedTuple):
    """What a kept result is found under.

    Attributes:
        server: Our name for the server.
        method: MCP method.
        params: The params that affect the result, as JSON with sorted keys.
        principal: For whom it was; None for a public one.
    """

    server: str
    method: str
    params: str
    principal: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept result.

    Attributes:
        result: As received.
        received_s: When, seconds on the caller's monotonic clock.
        hint: What the server said about it.
        size_bytes: Bytes of its JSON.
    """

    result: JsonObject
    received_s: float
    hint: Hint
    size_bytes: int

    def is_fresh(self, now_s: float) -> bool:
        """True while the server says it may be used ("Freshness Calculation")."""
        return now_s < self.received_s + self.hint.ttl_ms / 1000


def read_hint(result: JsonObject) -> Hint:
    """The caching hints of a result; whatever is no hint counts as none.

    Absent and negative times are 0 ("Time-to-Live"). A scope that is not exactly `public` keeps
    the result with whom it was for (ours: the cautious reading of a missing or unknown word).
    """
    ttl_ms, scope = result.get("ttlMs"), result.get("cacheScope")
    is_time = isinstance(ttl_ms, int) and not isinstance(ttl_ms, bool) and ttl_ms > 0
    return Hint(
        ttl_ms if is_time and isinstance(ttl_ms, int) else 0,
        Scope.PUBLIC if scope == Scope.PUBLIC.value else Scope.PRIVATE,
    )


def key_of(server: str, method: str, params: JsonObject, principal: str | None) -> Key:
    """The key of a request's result.

    Raises:
        LocalError: The params are not JSON.
    """
    keyed = {name: value for name, value in params.items() if name not in _NOT_KEYED}
    try:
        text = orjson.dumps(keyed, option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONEncodeError as error:
        raise LocalError(f"{method}: params are not JSON: {error}") from None
    return Key(server, method, text, principal)


def admit(method: str, params: JsonObject, result: JsonObject, *, now_s: float) -> Entry | None:
    """Decide whether a result may be kept.

    Args:
        method: MCP method of the request.
        params: Its params.
        result: What came back.
        now_s: When, seconds on the caller's monotonic clock.

    Returns:
        The entry; None for a method without hints, an interim result, the result of a retry that
        carried answers or state, and one that is stale at once.
    """
    if method not in CACHEABLE or any(name in params for name in _ROUNDS):
        return None
    if result.get("resultType", "complete") != "complete":
        return None
    hint = read_hint(result)
    if hint.ttl_ms == 0:
        return None
    return Entry(result, now_s, hint, len(orjson.dumps(result)))


def check_scopes(scopes: set[Scope], *, server: str, method: str) -> None:
    """Hold the pages of one list against the rule that they share a scope ("Pagination").

    Raises:
        BadResult: They do not, so that one of them is not meant for whom it seems to be.
    """
    if len(scopes) > 1:
        raise BadResult(server, method, "pages of one list differ in their cacheScope")
