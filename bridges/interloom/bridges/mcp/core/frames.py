"""JSON-RPC envelopes: what goes out is stamped, what comes in is checked. No I/O.

Source: MCP 2026-07-28, basic/index (messages, `_meta`, error codes),
basic/transports/streamable-http "Receiving Messages".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson

from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.bridges.mcp.core.errors import BadFrame, BadResult, answered, clip
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

LATEST: Final = "2026-07-28"
"""The newest protocol version this client speaks."""

MAX_DEPTH: Final = 64
"""Arrays and objects inside each other in one message; ours, a bound for every later walk."""

CANCELLED: Final = "notifications/cancelled"
"""What leaves a request on stdio, and what a server ends a subscription with (cancellation)."""

PREFIX: Final = "io.modelcontextprotocol/"
_TRACE: Final = ("traceparent", "tracestate", "baggage")


@dataclass(frozen=True, slots=True)
class Profile:
    """Who we say we are on every request.

    Attributes:
        name: Client name.
        version: Client version.
        capabilities: What servers may ask of us.
        versions: Protocol versions we speak, best first.
    """

    name: str = "interloom"
    version: str = "0.1.0"
    capabilities: Capabilities = field(default_factory=Capabilities)
    versions: tuple[str, ...] = (LATEST,)

    def meta(self, version: str) -> JsonObject:
        """The `_meta` keys every request carries at this protocol version."""
        return {
            PREFIX + "protocolVersion": version,
            PREFIX + "clientInfo": {"name": self.name, "version": self.version},
            PREFIX + "clientCapabilities": self.capabilities.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Request:
    """One JSON-RPC request, stamped.

    Attributes:
        id: Its id; no other request in flight has it.
        method: MCP method.
        params: Its params, `_meta` included.
    """

    id: str
    method: str
    params: JsonObject

    def to_json(self) -> JsonObject:
        """The frame: `{"jsonrpc", "id", "method", "params"}`."""
        return {"jsonrpc": "2.0", "id": self.id, "method": self.method, "params": self.params}


@dataclass(frozen=True, slots=True)
class Result:
    """The response: a result object, `resultType` unchecked."""

    value: JsonObject


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification on the way to the response.

    Attributes:
        method: Its method, clipped.
        params: Its params; empty when it has none, or none that are an object.
    """

    method: str
    params: JsonObject = field(default_factory=dict[str, Json])


Message: TypeAlias = Result | Notification
"""What a server may send on the way to, and as, a response."""


def request(
    request_id: str, method: str, params: JsonObject, *, stamp: JsonObject, meta: JsonObject
) -> Request:
    """Build a request whose `_meta` has the caller's keys and, above them, ours.

    Args:
        request_id: A fresh id.
        method: MCP method.
        params: Its params; a `_meta` among them is kept.
        stamp: `Profile.meta` for the version in use.
        meta: The caller's own `_meta` keys: trace context, vendor keys.

    Raises:
        LocalError: A trace key is not a string, or `params._meta` is not an object.
    """
    for key in _TRACE:
        if key in meta and not isinstance(meta[key], str):
            raise LocalError(f"_meta.{key} must be a string")
    own = params.get("_meta", {})
    if not isinstance(own, Mapping):
        raise LocalError("params._meta must be an object")
    return Request(request_id, method, {**params, "_meta": {**own, **meta, **stamp}})


def decode(body: bytes, method: str, *, server: str) -> Json:
    """Read the bytes of one message as JSON, not yet held against anything.

    Args:
        body: What arrived.
        method: Method of the request it belongs to, for the error.
        server: Our name for the server.

    Raises:
        BadFrame: It is not JSON in UTF-8, or nested too deeply.
    """
    try:
        frame: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadFrame(server, method, "the reply is not JSON") from None
    check_depth(body, frame, method, server=server)
    return frame


def is_cut_off(body: bytes) -> bool:
    """True for what a connection that broke leaves of a JSON text: its beginning, or nothing."""
    end = len(body)
    try:
        body.decode()
    except UnicodeDecodeError as error:
        if error.end < end:
            return False
        end = error.start  # half a character
    try:
        orjson.loads(body[:end])
    except orjson.JSONDecodeError as error:
        return error.pos == len(error.doc)
    return False


def check_depth(body: bytes, frame: Json, method: str, *, server: str) -> None:
    """Bound every later walk over a message.

    Raises:
        BadFrame: It is nested too deeply.
    """
    # Counting is cheap and settles nearly every message; only a suspicious one is walked.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and is_too_deep(frame):
        raise BadFrame(server, method, f"the reply is nested deeper than {MAX_DEPTH}")


def read_message(frame: Json, request: Request, *, server: str) -> Message:
    """Read one frame that arrived in answer to `request`.

    Raises:
        BadFrame: It is no JSON-RPC message, a request of the server, or for another request.
        McpError: It is a JSON-RPC error.
    """
    if not isinstance(frame, Mapping) or frame.get("jsonrpc") != "2.0":
        raise BadFrame(server, request.method, "the reply is no JSON-RPC 2.0 message")
    if "method" not in frame:
        return _read_response(frame, request, server)
    if "id" in frame:
        rule = "a server must not send requests of its own on a response stream"
        raise BadFrame(server, request.method, rule)
    params = frame.get("params")
    # A notification nobody needs must not cost the request its result: bad params are no params.
    return Notification(clip(str(frame["method"])), params if isinstance(params, Mapping) else {})


def require_complete(result: JsonObject, *, server: str, method: str) -> JsonObject:
    """Check that a result is final; an absent `resultType` means `complete` (basic/index).

    Raises:
        BadResult: It is of another type, which this method does not allow.
    """
    if result.get("resultType", "complete") != "complete":
        raise BadResult(server, method, "resultType must be complete for this method")
    return result


def is_request_id(value: Json) -> bool:
    """True for what a request may have as its id: a string or an integer (basic/index)."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def is_too_deep(value: Json) -> bool:
    """True when arrays and objects are nested deeper than `MAX_DEPTH`."""
    level: list[Json] = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Json] = []
        for node in level:
            if isinstance(node, dict):
                inner.extend(node.values())
            elif isinstance(node, list):
                inner.extend(node)
        if not inner:
            return False
        level = inner
    return any(isinstance(node, dict | list) for node in level)


def _read_response(frame: JsonObject, request: Request, server: str) -> Result:
    error = frame.get("error")
    if error is not None and frame.get("id") is None:
        # An error about a request whose id the server could not read; ours is the only one here.
        raise _read_error(error, request, server)
    if frame.get("id") != request.id:
        raise BadFrame(server, request.method, "the response is for another request id")
    if error is not None:
        raise _read_error(error, request, server)
    result = frame.get("result")
    if not isinstance(result, Mapping):
        raise BadFrame(server, request.method, "result must be an object")
    return Result(result)


def _read_error(error: Json, request: Request, server: str) -> Exception:
    if not isinstance(error, Mapping):
        return BadFrame(server, request.method, "error must be an object")
    code, said = error.get("code"), error.get("message")
    if not isinstance(code, int) or isinstance(code, bool):
        return BadFrame(server, request.method, "error.code must be an integer")
    if not isinstance(said, str):
        return BadFrame(server, request.method, "error.message must be a string")
    data = error.get("data")
    return answered(server, request.method, error_code=code, said=said, data=data)
