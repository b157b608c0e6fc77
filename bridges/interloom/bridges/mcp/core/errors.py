"""What an MCP server can get wrong, or refuse. Every message names server, method and rule.

McpPeerError
├── BadFrame             not a JSON-RPC message of this exchange
├── BadResult            a result that breaks the schema or a rule of its pattern
│   ├── BadEntry         an entry of a list that must not be used
│   │   └── BadTool
│   ├── ListTooLarge     a list over our caps
│   ├── RoundsExceeded   it keeps asking
│   ├── StateTooLarge    a requestState over our cap
│   └── UndeclaredInput  it asks for what we did not declare
├── HttpFailure          an HTTP status without a JSON-RPC error
│   └── Busy · Unauthorized · Forbidden
└── McpError             a JSON-RPC error, as answered
    └── HeaderMismatch · MissingCapability · UnsupportedVersion · MethodNotFound · InvalidParams

A message holds no foreign sentence: what the server said is kept beside it, cut to 200 characters,
because it may repeat arguments or state. Names of capabilities that it misses are no sentence.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from interloom.runtime.errors import PeerError
from interloom.runtime.values import Json

MAX_FOREIGN_CHARS: Final = 200
"""Characters of foreign text an error keeps or a log line shows."""

MAX_NAMES: Final = 8
"""Names from a server's error that its message tells."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,63}")


def clip(text: str) -> str:
    """Foreign text as one printable line of at most `MAX_FOREIGN_CHARS` characters."""
    line = "".join(c if c.isprintable() else " " for c in text[: MAX_FOREIGN_CHARS + 1])
    return line if len(line) <= MAX_FOREIGN_CHARS else line[: MAX_FOREIGN_CHARS - 1] + "…"


class McpPeerError(PeerError):
    """An MCP server broke the protocol or said no.

    Attributes:
        server: Our name for the server.
        method: MCP method of the request.
        rule: What went wrong, one sentence.
    """

    code = "MCP_PEER"

    def __init__(self, server: str, method: str, rule: str) -> None:
        super().__init__(f"MCP server {server}: {method}: {rule}")
        self.server = server
        self.method = method
        self.rule = rule


class BadFrame(McpPeerError):
    """The reply is no JSON-RPC message of this exchange (basic/index, transports)."""

    code = "MCP_BAD_FRAME"


class BadResult(McpPeerError):
    """A result breaks the schema, or a rule of the pattern it belongs to."""

    code = "MCP_BAD_RESULT"


_NOUNS: Final = {
    "tools/list": "tool",
    "prompts/list": "prompt",
    "resources/list": "resource",
    "resources/templates/list": "template",
}


class BadEntry(BadResult):
    """An entry of a list must not be used: a prompt, a resource, a tool.

    Attributes:
        entry: The entry's name, clipped; empty when it has none.
    """

    code = "MCP_BAD_ENTRY"

    def __init__(self, server: str, method: str, entry: str, rule: str) -> None:
        super().__init__(server, method, f"{_NOUNS[method]} {clip(entry)!r}: {rule}")
        self.entry = clip(entry)
        self.rule = rule


class BadTool(BadEntry):
    """A tool definition must not be used (server/tools, x-mcp-header).

    Attributes:
        tool: The tool's name, clipped; empty when it has none.
    """

    code = "MCP_BAD_TOOL"

    def __init__(self, server: str, tool: str, rule: str) -> None:
        super().__init__(server, "tools/list", tool, rule)
        self.tool = self.entry


class ListTooLarge(BadResult):
    """A list is over a cap, all its pages together."""

    code = "MCP_LIST_TOO_LARGE"


class RoundsExceeded(BadResult):
    """The server asked for input once too often."""

    code = "MCP_ROUNDS_EXCEEDED"


class StateTooLarge(BadResult):
    """A `requestState` is over our cap."""

    code = "MCP_STATE_TOO_LARGE"


class UndeclaredInput(BadResult):
    """The server asks for input we did not declare (basic/patterns/mrtr, server rule 7)."""

    code = "MCP_UNDECLARED_INPUT"


class HttpFailure(McpPeerError):
    """The server answered an HTTP status that carries no JSON-RPC error.

    Attributes:
        status: HTTP status code.
        challenge: The `WWW-Authenticate` header value, unparsed; None when there is none.
    """

    code = "MCP_HTTP_FAILURE"

    def __init__(
        self, server: str, method: str, status: int, *, challenge: str | None = None
    ) -> None:
        super().__init__(server, method, f"answered HTTP {status}")
        self.status = status
        self.challenge = challenge


class Busy(HttpFailure):
    """A status that says "not now": 408, 425, 429, 502, 503 or 504."""

    code = "MCP_BUSY"
    retryable = True


class Unauthorized(HttpFailure):
    """HTTP 401: no credentials, or not good ones (basic/authorization)."""

    code = "MCP_UNAUTHORIZED"


class Forbidden(HttpFailure):
    """HTTP 403: the credentials do not reach this far (basic/authorization)."""

    code = "MCP_FORBIDDEN"


_MEANINGS: Final = {
    -32700: "parse error",
    -32600: "invalid request",
    -32603: "internal error",
}


class McpError(McpPeerError):
    """The server answered a JSON-RPC error (basic/index, error codes).

    Attributes:
        error_code: The JSON-RPC error code.
        said: The server's sentence, clipped; for the eyes of an operator, never of a peer.
        data: The error's `data`, as sent; None when absent.
        status: The HTTP status it came with, for whoever tells eras apart; None on other
            transports and where it came in place of a result.
    """

    code = "MCP_ERROR"
    status: int | None = None
    meaning: ClassVar[str] = ""

    def __init__(
        self, server: str, method: str, *, error_code: int, said: str = "", data: Json = None
    ) -> None:
        meaning = self.meaning or _MEANINGS.get(error_code, "of its own")
        names = ", ".join(self._names(data))
        named = f": {names}" if names else ""
        super().__init__(server, method, f"answered error {error_code} ({meaning}{named})")
        self.error_code = error_code
        self.said = clip(said)
        self.data = data

    def _names(self, data: Json) -> list[str]:
        """Names in `data` that the message tells; none for most errors."""
        return []


class MethodNotFound(McpError):
    """-32601: the server has no such method."""

    code = "MCP_METHOD_NOT_FOUND"
    meaning = "method not found"


class InvalidParams(McpError):
    """-32602: the parameters are wrong, an unknown tool included."""

    code = "MCP_INVALID_PARAMS"
    meaning = "invalid parameters"


class HeaderMismatch(McpError):
    """-32020: mirrored headers are missing or differ from the body."""

    code = "MCP_HEADER_MISMATCH"
    meaning = "headers do not match the body"


class MissingCapability(McpError):
    """-32021: the server needs a client capability we did not declare."""

    code = "MCP_MISSING_CAPABILITY"
    meaning = "a client capability is missing"

    def _names(self, data: Json) -> list[str]:
        """What `data.requiredCapabilities` lists: `roots`, `elicitation.url`; only what is a name.

        A capability's own keys are named with it, because `elicitation` alone may well be declared.
        """
        required = data.get("requiredCapabilities") if isinstance(data, dict) else None
        if not isinstance(required, dict):
            return []
        names: list[str] = []
        for name, inner in required.items():
            inside = isinstance(inner, dict) and inner
            names += [f"{name}.{key}" for key in inside] if inside else [name]
        return [name for name in names if _NAME.fullmatch(name)][:MAX_NAMES]


class UnsupportedVersion(McpError):
    """-32022: the server does not speak the version we asked for.

    Attributes:
        supported: The versions it says it speaks, in its order; empty when it does not say.
    """

    code = "MCP_UNSUPPORTED_VERSION"
    meaning = "unsupported protocol version"

    @property
    def supported(self) -> tuple[str, ...]:
        """The versions it says it speaks, in its order; empty when it does not say."""
        listed = self.data.get("supported") if isinstance(self.data, dict) else None
        return tuple(v for v in listed if isinstance(v, str)) if isinstance(listed, list) else ()


_BY_CODE: Final[dict[int, type[McpError]]] = {
    -32601: MethodNotFound,
    -32602: InvalidParams,
    -32020: HeaderMismatch,
    -32021: MissingCapability,
    -32022: UnsupportedVersion,
}


_BY_STATUS: Final[dict[int, type[HttpFailure]]] = {
    401: Unauthorized,
    403: Forbidden,
    **dict.fromkeys((408, 425, 429, 502, 503, 504), Busy),
}


def refused(server: str, method: str, status: int, *, challenge: str | None) -> HttpFailure:
    """The error for an HTTP status, `HttpFailure` itself for one without a class."""
    kind = _BY_STATUS.get(status, HttpFailure)
    return kind(server, method, status, challenge=challenge)


def answered(server: str, method: str, *, error_code: int, said: str, data: Json) -> McpError:
    """The error for a JSON-RPC error code, `McpError` itself for one without a class."""
    kind = _BY_CODE.get(error_code, McpError)
    return kind(server, method, error_code=error_code, said=said, data=data)
