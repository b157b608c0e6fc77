"""Our client against a server built with the official SDK, over real HTTP and stdio."""

from __future__ import annotations

import re
import runpy
import socket
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from threading import Thread

import anyio
import pytest
import uvicorn

from interloom.agents import AgentDefinition
from interloom.bridges.mcp.client import McpClient
from interloom.bridges.mcp.core.asks import Elicit
from interloom.bridges.mcp.core.errors import BadResult, InvalidParams, McpError
from interloom.bridges.mcp.core.resources import Contents
from interloom.bridges.mcp.core.rounds import Ask, Call, Done
from interloom.bridges.mcp.core.tools import ToolResult, read_tool_result
from interloom.bridges.mcp.http import ServerSpec, StreamableHttp
from interloom.bridges.mcp.port import Transport
from interloom.bridges.mcp.stdio import CommandSpec, Stdio
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.official import server

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(server.streamable_http_app(), log_level="error", lifespan="on")
    running = uvicorn.Server(config)
    thread = Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    running.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@asynccontextmanager
async def over_http(url: str) -> AsyncGenerator[Transport]:
    async with aclosing(PooledHttp()) as port:
        yield StreamableHttp(ServerSpec("depot", url, timeout_s=20.0), port)


@asynccontextmanager
async def over_stdio(_url: str) -> AsyncGenerator[Transport]:
    program = ("-m", "tests.bridges.mcp.official")
    stdio = Stdio(CommandSpec("depot", sys.executable, program, {"PYTHONPATH": str(ROOT)}))
    async with stdio.open():
        yield stdio


@pytest.fixture(scope="module", params=[over_http, over_stdio], ids=["HTTP", "stdio"])
async def client(url: str, request: pytest.FixtureRequest) -> AsyncGenerator[McpClient]:
    async with request.param(url) as transport:
        yield McpClient(transport)


def a_call(tool: str, arguments: JsonObject) -> Call:
    return Call("depot", "tools/call", {"name": tool, "arguments": arguments})


async def run(client: McpClient, tool: str, arguments: JsonObject) -> ToolResult:
    call = a_call(tool, arguments)
    with anyio.fail_after(30):
        _, step = call.receive(await client.exchange(call.send()))
    assert isinstance(step, Done)
    return read_tool_result(step.result, server="depot")


async def test_server_is_discovered(client: McpClient) -> None:
    """MCP 2026-07-28 server/discover."""
    with anyio.fail_after(30):
        found = await client.discover()

    assert "2026-07-28" in found.versions
    assert (found.info["name"], found.info["version"]) == ("depot", "3")
    assert found.instructions == "Ships things."


async def test_tools_are_listed(client: McpClient) -> None:
    """MCP 2026-07-28 server/tools."""
    with anyio.fail_after(30):
        tools = {tool.name: tool for tool in await client.list_tools()}

    assert list(tools) == ["add", "mirrored", "counting", "failing", "booking"]
    assert tools["add"].description == "Adds."
    assert [mirror.header for mirror in tools["mirrored"].mirrors] == ["Mcp-Param-Region"]


async def test_tool_answers_with_text_and_structure(client: McpClient) -> None:
    """MCP 2026-07-28 server/tools "Tool Result"."""
    result = await run(client, "add", {"a": 2, "b": 3})

    assert (result.text, result.structured, result.is_error) == ("5", {"result": 5}, False)


@pytest.mark.parametrize("region", ["us-west1", "Zürich", " padded ", "a\r\nb", ""])
async def test_mirrored_argument_satisfies_the_server(client: McpClient, region: str) -> None:
    """MCP 2026-07-28 streamable-http: the server compares header and body."""
    assert (await run(client, "mirrored", {"region": region})).text == region


async def test_failing_tool_is_a_value(client: McpClient) -> None:
    """MCP 2026-07-28 server/tools "Error Handling"."""
    result = await run(client, "failing", {})

    assert result.is_error
    assert "the shelf is empty" in result.text


async def test_tool_that_reports_progress_answers_as_any_other(client: McpClient) -> None:
    """MCP 2026-07-28 basic/patterns/progress: none is sent that was not asked for."""
    assert (await run(client, "counting", {})).text == "counted"


async def test_two_rounds_of_questions_end_in_a_result(client: McpClient) -> None:
    """MCP 2026-07-28 mrtr, client/elicitation; the state is sealed by the SDK on its way."""
    call = a_call("booking", {})
    with anyio.fail_after(30):
        call, step = call.receive(await client.exchange(call.send()))
        assert isinstance(step, Ask)
        asked = step.requests["name"]
        assert isinstance(asked, Elicit)
        assert asked.message == "Who?"
        send = call.answer({"name": {"action": "accept", "content": {"name": "Ada"}}})
        call, step = Call.load(call.dump()).receive(await client.exchange(send))
        assert isinstance(step, Ask)
        send = call.answer({"seat": {"action": "accept", "content": {"seat": "4A"}}})
        call, step = Call.load(call.dump()).receive(await client.exchange(send))

    assert isinstance(step, Done)
    assert read_tool_result(step.result, server="depot").text == "Ada sits at 4A"
    assert call.rounds == 2


async def test_unknown_tool_is_told_by_the_server(client: McpClient) -> None:
    """MCP 2026-07-28 server/tools; the SDK answers a result, where the page shows -32602."""
    result = await run(client, "nothing", {})

    assert result.is_error
    assert "nothing" in result.text


async def test_prompts_are_listed_and_got(client: McpClient) -> None:
    """MCP 2026-07-28 server/prompts."""
    with anyio.fail_after(30):
        listed = {prompt.name: prompt for prompt in await client.list_prompts()}
        got = await client.get_prompt("label", {"to": "Ada"})

    assert list(listed) == ["label", "letter"]
    assert [each.name for each in listed["label"].arguments if each.is_required] == ["to"]
    text: JsonObject = {"type": "text", "text": "To Ada, with care."}
    assert [(each.role, dict(each.content)) for each in got.messages] == [("user", text)]


async def test_resources_are_listed_and_read(client: McpClient) -> None:
    """MCP 2026-07-28 server/resources: text, and bytes in Base64."""
    with anyio.fail_after(30):
        listed = [resource.uri for resource in await client.list_resources()]
        stock = await client.read_resource("depot://stock")
        (seal,) = await client.read_resource("depot://seal")

    assert listed == ["depot://stock", "depot://seal"]
    assert stock == (Contents("depot://stock", "text/plain", "3 crates"),)
    assert seal.data == b"\x00\x01\xff"


async def test_example_of_the_guide_runs(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/tool-servers.md "Prompts and resources"."""
    guide = (ROOT / "docs" / "tool-servers.md").read_text()
    section = guide.split("## Prompts and resources")[1].split("\n## ")[0]
    example = tmp_path / "example.py"
    example.write_text("\n".join(re.findall(r"```python\n(.*?)```", section, re.DOTALL)))
    names = runpy.run_path(str(example))
    assert isinstance(names["reviewer"], AgentDefinition)
    with anyio.fail_after(30):
        await names["look"](url)

    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == ["['label', 'letter']", "['depot://stock', 'depot://seal']", "[]"]
    assert lines[3] == "Completion(values=('Ada',), total=None, has_more=False)"
    assert "To Ada, with care." in lines[4]
    assert lines[5:] == ["3 crates"]


async def test_prompt_that_asks_back_is_no_result(client: McpClient) -> None:
    """Ours: questions are for whoever drives the rounds."""
    with pytest.raises(BadResult, match="depot: prompts/get: "), anyio.fail_after(30):
        await client.get_prompt("letter")


async def test_unknown_resource_is_the_servers_error(client: McpClient) -> None:
    """MCP 2026-07-28 server/resources "Error Handling": -32602."""
    send = Call("depot", "resources/read", {"uri": "depot://nowhere"}).send()
    with pytest.raises(InvalidParams, match="depot: resources/read: answered error -32602"):
        with anyio.fail_after(30):
            await client.exchange(send)


async def test_crash_of_the_server_is_an_internal_error(client: McpClient) -> None:
    """MCP 2026-07-28 basic/index "Error Codes": the SDK crashes on an unknown prompt."""
    send = Call("depot", "prompts/get", {"name": "none"}).send()
    with pytest.raises(McpError, match=r"prompts/get: answered error -32603 \(internal error\)"):
        with anyio.fail_after(30):
            await client.exchange(send)
