"""What a server may ask in the middle of a call, and what may be answered. No I/O.

Source: MCP 2026-07-28, client/elicitation, client/sampling, client/roots; `InputRequest` and
`InputResponse` in schema.ts; basic/patterns/mrtr, server rules 2 and 7. The same requests stand in
a task that waits for input (Tasks extension, "Task Update Requests").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import urlsplit

import orjson

from interloom.bridges.mcp.core.capabilities import OWNERS, Capabilities
from interloom.bridges.mcp.core.errors import BadResult, UndeclaredInput, clip
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

MAX_REQUESTS: Final = 32
"""Questions in one round; ours."""

MAX_ASK_BYTES: Final = 256 * 1024
"""Bytes of one round's `inputRequests`, which travel on in a task's status; ours."""

HELD_LIVE: Final = "io.interloom/heldLive"
"""Key of a request's `_meta` that says that its question does not survive a restart of ours."""

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
        is_held_live: The server holds a connection open for the answer (`HELD_LIVE`).
    """

    message: str
    mode: Literal["form", "url"]
    schema: JsonObject | None = None
    url: str | None = None
    is_held_live: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """`sampling/createMessage`: a message that a model of ours shall write.

    Attributes:
        messages: The conversation so far, each `{"role", "content", …}`, as sent.
        max_tokens: Tokens the model may write at most; to be respected.
        system: The system prompt asked for; None when there is none. It may be ignored.
        params: Everything as sent: preferences, temperature, stop sequences, metadata.
    """

    messages: tuple[JsonObject, ...]
    max_tokens: int
    system: str | None
    params: JsonObject


@dataclass(frozen=True, slots=True)
class ListRoots:
    """`roots/list`: which folders the server may work in."""


InputRequest: TypeAlias = Elicit | Sample | ListRoots
"""What a server may ask."""


def read_input_request(
    key: str, request: Json, declared: Capabilities, *, server: str, method: str
) -> InputRequest:
    """Read one value of `inputRequests`.

    Args:
        key: Its key, for the error.
        request: `{"method": "elicitation/create", "params": {...}}`, and so on.
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


def read_input_requests(
    asked: JsonObject, declared: Capabilities, *, server: str, method: str
) -> dict[str, InputRequest]:
    """Read all of `inputRequests`, in the server's order.

    Raises:
        BadResult: There are too many, or one breaks a rule; see `read_input_request`.
    """
    if len(asked) > MAX_REQUESTS:
        raise BadResult(server, method, f"inputRequests holds more than {MAX_REQUESTS} requests")
    if len(orjson.dumps(asked)) > MAX_ASK_BYTES:
        raise BadResult(server, method, f"inputRequests is over {MAX_ASK_BYTES} bytes")
    return {
        key: read_input_request(key, request, declared, server=server, method=method)
        for key, request in asked.items()
    }


def check_responses(asked: JsonObject, responses: JsonObject) -> None:
    """Hold our answers against what was asked: one for each request, and each of its kind.

    Raises:
        LocalError: The keys are not those asked, or an answer would break the protocol.
    """
    if responses.keys() != asked.keys():
        raise LocalError("exactly the answers that were asked for are needed")
    for key, response in responses.items():
        check_response(key, asked[key], response)


def check_response(key: str, request: Json, response: Json) -> None:
    """Hold an answer of ours against the result its request wants.

    The schema of a form's content is the asker's to check.

    Args:
        key: The request's key, for the error.
        request: The request as the server sent it.
        response: `ElicitResult`, `CreateMessageResult` or `ListRootsResult`.

    Raises:
        LocalError: It would break the protocol.
    """
    rule = None
    if not isinstance(response, Mapping):
        rule = "must be an object"
    elif isinstance(request, Mapping):
        rule = _RESPONSES[str(request.get("method"))](response)
    if rule is not None:
        raise LocalError(f"answer {clip(key)!r}: {rule}")


def _elicit_rule(response: JsonObject) -> str | None:
    if response.get("action") not in _ACTIONS:
        return f"action must be one of {', '.join(_ACTIONS)}"
    content = response.get("content")
    if not (content is None or isinstance(content, Mapping)):
        return "content must be an object"
    return None


def _sample_rule(response: JsonObject) -> str | None:
    if response.get("role") not in _ROLES:
        return f"role must be one of {', '.join(_ROLES)}"
    if not isinstance(response.get("model"), str):
        return "model must be a string"
    if not isinstance(response.get("content"), Mapping | list):
        return "content must be a block or an array of blocks"
    return None


def _roots_rule(response: JsonObject) -> str | None:
    roots = response.get("roots")
    if not isinstance(roots, list):
        return "roots must be an array"
    for root in roots:
        uri = root.get("uri") if isinstance(root, Mapping) else None
        if not isinstance(uri, str) or not uri.startswith("file://"):
            return "every root needs a file:// uri"
    return None


_ACTIONS: Final = ("accept", "decline", "cancel")
_ROLES: Final = ("user", "assistant")
_RESPONSES: Final = {
    "elicitation/create": _elicit_rule,
    "sampling/createMessage": _sample_rule,
    "roots/list": _roots_rule,
}


class _Broken(Exception):
    """A rule that the request breaks, before server and method are named."""

    def __init__(self, rule: str, kind: type[BadResult] = BadResult) -> None:
        self.rule = rule
        self.kind = kind


def _read(request: Json, declared: Capabilities) -> InputRequest:
    if not isinstance(request, Mapping):
        raise _Broken("must be an object")
    kind, params = request.get("method"), request.get("params", {})
    if not isinstance(kind, str) or kind not in OWNERS:
        raise _Broken(f"method must be one of {', '.join(OWNERS)}")
    if not isinstance(params, Mapping):
        raise _Broken("params must be an object")
    if not declared.allows(kind, params.get("mode", "form")):
        raise _Broken(f"{kind} needs a capability we did not declare", UndeclaredInput)
    match kind:
        case "elicitation/create":
            return _read_elicit(params)
        case "sampling/createMessage":
            return _read_sample(params)
        case _:
            return ListRoots()


def _read_elicit(params: JsonObject) -> Elicit:
    message = params.get("message")
    if not isinstance(message, str):
        raise _Broken("params.message must be a string")
    is_url = params.get("mode", "form") == "url"
    return _read_url(message, params) if is_url else _read_form(message, params)


def _read_sample(params: JsonObject) -> Sample:
    for key in ("tools", "toolChoice"):
        if params.get(key) is not None:  # schema.ts: an error unless sampling.tools is declared
            rule = f"params.{key} needs sampling.tools, which we did not declare"
            raise _Broken(rule, UndeclaredInput)
    messages, limit = params.get("messages"), params.get("maxTokens")
    if not isinstance(messages, list) or not messages:
        raise _Broken("params.messages must be an array that is not empty")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise _Broken("params.maxTokens must be an integer above 0")
    system = params.get("systemPrompt")
    if not (system is None or isinstance(system, str)):
        raise _Broken("params.systemPrompt must be a string")
    return Sample(tuple(_read_said(said) for said in messages), limit, system, params)


def _read_said(said: Json) -> JsonObject:
    if not isinstance(said, Mapping) or said.get("role") not in _ROLES:
        raise _Broken(f"params.messages: role must be one of {', '.join(_ROLES)}")
    content = said.get("content")
    blocks = content if isinstance(content, list) else [content]
    if not all(isinstance(each, Mapping) and isinstance(each.get("type"), str) for each in blocks):
        raise _Broken("params.messages: content must be made of blocks with a type")
    return said


def _read_url(message: str, params: JsonObject) -> Elicit:
    url = params.get("url")
    if not isinstance(url, str) or not _is_web_url(url):
        raise _Broken("params.url must be an absolute http or https URL")
    return Elicit(message, "url", url=url, is_held_live=_is_held_live(params))


def _read_form(message: str, params: JsonObject) -> Elicit:
    schema = params.get("requestedSchema")
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        raise _Broken("params.requestedSchema must be a schema of type object")
    if not isinstance(schema.get("properties", {}), Mapping):
        raise _Broken("params.requestedSchema.properties must be an object")
    return Elicit(message, "form", schema=schema, is_held_live=_is_held_live(params))


def _is_held_live(params: JsonObject) -> bool:
    meta = params.get("_meta")
    return isinstance(meta, Mapping) and meta.get(HELD_LIVE) is True


def _is_web_url(url: str) -> bool:
    """Ours: other schemes could run code or open files on the person's machine."""
    if len(url) > MAX_URL_CHARS or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)
