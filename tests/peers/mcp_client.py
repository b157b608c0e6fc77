"""Our MCP client as the conformance suite runs it: `python -m tests.peers.mcp_client URL`.

The suite starts a server of its own for each scenario, appends its URL, and says what it is about
in the environment: `MCP_CONFORMANCE_SCENARIO`, and for some `MCP_CONFORMANCE_CONTEXT`, JSON.
Whatever the scenario, the client does what a host does: it asks the server what it is, lists, calls
what it was offered, and answers what it is asked. Exit code 0 means that all of it went well.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

import anyio

from interloom.bridges.mcp import McpClient, ServerSpec, Transport, http_in_any_era
from interloom.bridges.mcp.core.asks import Elicit, InputRequest
from interloom.bridges.mcp.core.frames import LATEST
from interloom.bridges.mcp.core.rounds import Ask, Call, Done, Method, Step
from interloom.bridges.mcp.core.tools import Tool, read_tool_result
from interloom.bridges.mcp.legacy.http import HttpLink
from interloom.bridges.mcp.legacy.session import Session
from interloom.bridges.mcp.port import Patience
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.net.port import HttpPort
from interloom.runtime.values import Json, JsonObject

PATIENCE_S: Final = 20.0
"""Seconds the whole conversation may take; the suite waits thirty."""

_SAMPLES: Final[Mapping[str, Json]] = {
    "string": "sample",
    "integer": 5,
    "number": 5,
    "boolean": True,
    "array": [],
    "object": {},
}


async def everything(client: McpClient, offered: JsonObject) -> None:
    """Use all that the server offers."""
    tools = await client.list_tools()
    first = [(tool, *await _begin(client, tool)) for tool in tools]
    for tool, call, step in first:  # every call is open before the first is answered
        await _finish(client, tool, call, step)
    if "prompts" in offered:
        for prompt in await client.list_prompts():
            given = {each.name: "sample" for each in prompt.arguments if each.is_required}
            await _get(client, "prompts/get", {"name": prompt.name, "arguments": given})
    if "resources" in offered:
        for resource in await client.list_resources():
            await _get(client, "resources/read", {"uri": resource.uri})


async def listing(client: McpClient, _offered: JsonObject) -> None:
    """List the tools and leave them alone."""
    await client.list_tools()


async def replay(client: McpClient, _offered: JsonObject) -> None:
    """Make exactly the calls that the scenario wants to see."""
    context = json.loads(os.environ["MCP_CONFORMANCE_CONTEXT"])
    tools = {tool.name: tool for tool in await client.list_tools()}
    for wanted in context["toolCalls"]:
        tool = tools[wanted["name"]]
        await _finish(client, tool, *await _begin(client, tool, wanted["arguments"]))


SCENARIOS: Final[Mapping[str, Callable[[McpClient, JsonObject], Awaitable[None]]]] = {
    "http-custom-headers": replay,
    "json-schema-ref-no-deref": listing,  # its server implements no call
}
"""What to do where using everything is not it."""


async def _begin(
    client: McpClient, tool: Tool, arguments: JsonObject | None = None
) -> tuple[Call, Step]:
    given = _sample(tool.input_schema) if arguments is None else arguments
    call = Call(client.server, "tools/call", {"name": tool.name, "arguments": given})
    return call.receive(await client.exchange(call.send()))


async def _finish(client: McpClient, tool: Tool, call: Call, step: Step) -> None:
    result = read_tool_result(await _result(client, call, step), server=client.server)
    _say(f"{tool.name}: {'failed: ' if result.is_error else ''}{result.text}")


async def _get(client: McpClient, method: Method, params: JsonObject) -> None:
    call = Call(client.server, method, params)
    result = await _result(client, *call.receive(await client.exchange(call.send())))
    _say(f"{method}: {len(result)} fields")


async def _result(client: McpClient, call: Call, step: Step) -> JsonObject:
    while isinstance(step, Ask):
        answers = {key: _accept(request) for key, request in step.requests.items()}
        call, step = call.receive(await client.exchange(call.answer(answers)))
    assert isinstance(step, Done), "no task was offered"
    return step.result


def _accept(request: InputRequest) -> JsonObject:
    """A person who agrees to everything and fills in every field; nothing else was declared."""
    schema = request.schema if isinstance(request, Elicit) else None
    if schema is None:
        return {"action": "accept"}
    return {"action": "accept", "content": _sample(schema, every=True)}


def _sample(schema: JsonObject, *, every: bool = False) -> JsonObject:
    """An object that fits a flat schema: its required fields, or every one, defaults first."""
    fields = schema.get("properties")
    if not isinstance(fields, Mapping):
        return {}
    required = schema.get("required", [])
    names = fields if every or not isinstance(required, list) else map(str, required)
    return {name: _value(fields.get(name)) for name in names}


def _value(field: Json) -> Json:
    if not isinstance(field, Mapping):
        return None
    if "default" in field:
        return field["default"]
    match field.get("enum"):
        case [first, *_]:
            return first
        case _:
            return _SAMPLES.get(str(field.get("type")))


def _say(text: str) -> None:
    print(text)  # noqa: T201  the suite keeps it beside the scenario's checks


def _transport(server: ServerSpec, port: HttpPort) -> Transport:
    """The handshake where the suite plays an older revision, whose servers take anything for it."""
    if os.environ.get("MCP_CONFORMANCE_PROTOCOL_VERSION", LATEST) < LATEST:
        patience = Patience(server.timeout_s, server.total_s)
        return Session(HttpLink(server, port), patience=patience)
    return http_in_any_era(server, port)


async def main(url: str) -> None:
    scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
    async with aclosing(PooledHttp()) as port:
        transport = _transport(ServerSpec("peer", url, timeout_s=10.0), port)
        client = McpClient(transport)
        with anyio.fail_after(PATIENCE_S):
            async with transport.open():
                found = await client.discover()
                await SCENARIOS.get(scenario, everything)(client, found.capabilities)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
