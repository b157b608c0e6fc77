"""What a server may ask in the middle of a call, read from foreign JSON. No I/O.

Source: MCP 2026-07-28, client/elicitation; `ElicitRequest` in schema.ts; basic/patterns/mrtr,
server rules 2 and 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from interloom.bridges.mcp.core.capabilities import OWNERS, Capabilities
from interloom.bridges.mcp.core.errors import BadResult, UndeclaredInput, clip
from interloom.runtime.values import Json, JsonObject

MAX_URL_CHARS: Final = 8192
"""Characters of a URL a person is sent to; ours."""


@dataclass(frozen=True, slots=True)
class Elicit:
    """`elicitation/create`: a question for a person.

    Attributes:
        message: Why it is asked, in the server's words.
        mode: `form` asks for data, `url` sends the person somewhere.
        schema: `requestedSchema` of a form, of type object and otherwise as sent: see
            `runtime.core.forms` before anything is held against it; None in `url` mode.
        url: Where to go in `url` mode, absolute http(s); None for a form. Never fetched by us.
    """

    message: str
    mode: Literal["form", "url"]
    schema: JsonObject | None = None
    url: str | None = None


def read_elicit(
    key: str, request: Json, declared: Capabilities, *, server: str, method: str
) -> Elicit:
    """Read one value of `inputRequests`.

    Args:
        key: Its key, for the error.
        request: `{"method": "elicitation/create", "params": {...}}`.
        declared: The capabilities declared on the request it answers.
        server: Our name for the server.
        method: Method of the request it answers.

    Raises:
        BadResult: It is no input request of the protocol, or malformed.
        UndeclaredInput: We did not say that we can do it.
    """
    name = f"inputRequests[{clip(key)!r}]"
    try:
        return _read(request, declared)
    except _Broken as broken:
        raise broken.kind(server, method, f"{name}: {broken.rule}") from None


class _Broken(Exception):
    """A rule that the request breaks, before server and method are named."""

    def __init__(self, rule: str, kind: type[BadResult] = BadResult) -> None:
        self.rule = rule
        self.kind = kind


def _read(request: Json, declared: Capabilities) -> Elicit:
    if not isinstance(request, Mapping):
        raise _Broken("must be an object")
    kind, params = request.get("method"), request.get("params", {})
    if not isinstance(kind, str) or kind not in OWNERS:
        raise _Broken(f"method must be one of {', '.join(OWNERS)}")
    if not isinstance(params, Mapping):
        raise _Broken("params must be an object")
    mode = params.get("mode", "form")
    if not declared.allows(kind, mode):
        raise _Broken(f"{kind} needs a capability we did not declare", UndeclaredInput)
    message = params.get("message")
    if not isinstance(message, str):
        raise _Broken("params.message must be a string")
    return _read_url(message, params) if mode == "url" else _read_form(message, params)


def _read_url(message: str, params: JsonObject) -> Elicit:
    url = params.get("url")
    if not isinstance(url, str) or not _is_web_url(url):
        raise _Broken("params.url must be an absolute http or https URL")
    return Elicit(message, "url", url=url)


def _read_form(message: str, params: JsonObject) -> Elicit:
    schema = params.get("requestedSchema")
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        raise _Broken("params.requestedSchema must be a schema of type object")
    if not isinstance(schema.get("properties", {}), Mapping):
        raise _Broken("params.requestedSchema.properties must be an object")
    return Elicit(message, "form", schema=schema)


def _is_web_url(url: str) -> bool:
    """Ours: other schemes could run code or open files on the person's machine."""
    if len(url) > MAX_URL_CHARS or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
