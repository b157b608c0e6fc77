"""An MCP server under a journey's thumb: an ASGI application that keeps all it sees.

    desk = Desk(book=book)                       async functions by tool name
    async with desk.open("flights") as flights:  a `ToolServer` for the agent's toolbox

Source: MCP 2026-07-28 basic/transports/streamable-http (one POST, one JSON reply).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import anyio
import orjson

from interloom.bridges.handoff import Policy, ToolServer
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.runtime.serve.body import Receive, Scope, Send
from interloom.runtime.testing.in_process import in_process
from interloom.runtime.values import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Seen:
    """One call as it arrived: of a tool, for a prompt, or of a resource.

    Attributes:
        id: JSON-RPC id.
        params: Its params, `_meta` included.
        headers: HTTP header fields by lower-case name.
    """

    id: Json
    params: JsonObject
    headers: Mapping[str, str]

    @property
    def meta(self) -> JsonObject:
        """`_meta`."""
        return cast("JsonObject", self.params["_meta"])

    @property
    def answers(self) -> Mapping[str, JsonObject]:
        """`inputResponses`, empty on the first round."""
        return cast("Mapping[str, JsonObject]", self.params.get("inputResponses", {}))

    @property
    def wish(self) -> JsonObject:
        """The params a caller chose: without `_meta` and what belongs to the rounds."""
        rounds = {"_meta", "inputResponses", "requestState"}
        return {key: value for key, value in self.params.items() if key not in rounds}


class Refusal(Exception):
    """Raised by a tool to answer with a JSON-RPC error.

    Attributes:
        code: The error's code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class HangUp(Exception):
    """Raised by a tool to break the connection instead of answering."""


Answer: TypeAlias = Callable[[Seen], Awaitable[JsonObject]]
"""What a tool does: from one request to its result object."""


class Desk:
    """The server.

    Attributes:
        calls: Every call, in order of arrival.
        hung_up: Set when a client has left a call before its answer.
        listed: What the list says of a tool beyond its name, by tool.

    Args:
        tools: What it offers, by name: a prompt is got, and a resource read under its URI, as a
            tool is called.
    """

    def __init__(self, **tools: Answer) -> None:
        self.calls: list[Seen] = []
        self.hung_up = anyio.Event()
        self.listed: dict[str, JsonObject] = {}
        self._tools = tools

    @asynccontextmanager
    async def open(
        self, name: str = "flights", *, policy: Policy | None = None
    ) -> AsyncGenerator[dict[str, ToolServer]]:
        """Serve in this process; yields the toolbox of an agent that has this server alone."""
        async with in_process(self) as port:
            client = McpClient(
                StreamableHttp(ServerSpec(name, "http://desk.test/mcp", timeout_s=5.0), port)
            )
            yield {name: ToolServer(client, policy or Policy())}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        body = (await receive())["body"]
        frame = orjson.loads(body)
        try:
            result = await self._result(frame, scope, receive)
        except HangUp:
            return
        except Refusal as refused:
            outcome: JsonObject = {"error": {"code": refused.code, "message": "no"}}
        else:
            if result is None:
                self.hung_up.set()
                return
            outcome = {"result": result}
        reply = orjson.dumps({"jsonrpc": "2.0", "id": frame["id"], **outcome})
        fields = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": reply})

    async def _result(self, frame: JsonObject, scope: Scope, receive: Receive) -> JsonObject | None:
        if frame["method"] == "tools/list":
            listed = [
                {"name": each, "inputSchema": {"type": "object"}, **self.listed.get(each, {})}
                for each in self._tools
            ]
            return {"tools": cast("Json", listed)}
        params = cast("JsonObject", frame["params"])
        headers = {name.decode(): text.decode() for name, text in scope["headers"]}
        seen = Seen(frame["id"], params, headers)
        self.calls.append(seen)
        called = self._tools.get(str(params.get("name", params.get("uri"))))
        if called is None:
            raise Refusal(-32602)
        return await _unless_gone(called(seen), receive)


async def _unless_gone(work: Awaitable[JsonObject], receive: Receive) -> JsonObject | None:
    """The result of the work, or None when the client left before it was there."""
    found: list[JsonObject] = []
    broke: list[Refusal | HangUp] = []
    async with anyio.create_task_group() as group:

        async def do() -> None:
            try:
                found.append(await work)
            except (Refusal, HangUp) as error:
                broke.append(error)
            group.cancel_scope.cancel()

        group.start_soon(do)
        await receive()
        group.cancel_scope.cancel()
    if broke:
        raise broke[0]
    return found[0] if found else None


def says(text: str) -> JsonObject:
    """A final result of one text block."""
    return {"resultType": "complete", "content": [{"type": "text", "text": text}]}


def asks(state: str | None, **questions: JsonObject) -> JsonObject:
    """An intermediate result: questions by key, and the server's state."""
    round_: dict[str, Json] = {"resultType": "input_required", "inputRequests": questions}
    return round_ if state is None else {**round_, "requestState": state}


def form(text: str, **fields: JsonObject) -> JsonObject:
    """A question for a form whose fields are all required."""
    schema: JsonObject = {"type": "object", "properties": fields, "required": list(fields)}
    params: JsonObject = {"mode": "form", "message": text, "requestedSchema": schema}
    return {"method": "elicitation/create", "params": params}


SEATS: Final[JsonObject] = {"type": "string", "enum": ["window", "aisle"]}
BAGS: Final[JsonObject] = {"type": "integer", "minimum": 0, "maximum": 3}
STATE: Final = 'p4ss:\\ "☃\u2028\x7f é/+='
"""A `requestState` that any re-encoding would harm."""


async def book(seen: Seen) -> JsonObject:
    """Asks for the seat, then for the bags, then books."""
    if "bags" in seen.answers:
        wanted = _content(seen, "bags")
        return says(f"{seen.params['requestState']}, {wanted} bags")
    if "seat" in seen.answers:
        seat = _content(seen, "seat")
        return asks(f"{STATE}{seat}", bags=form("How many bags?", bags=BAGS))
    return asks(STATE, seat=form("Window or aisle?", seat=SEATS))


def _content(seen: Seen, key: str) -> Json:
    answer = seen.answers[key]
    return cast("JsonObject", answer["content"])[key]
