"""What `mcpServers` of a configuration makes: servers that can be used, and that end with us."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import anyio
import pytest

from interloom.apps.config import parse
from interloom.apps.tool_servers import ToolServers
from interloom.bridges.handoff import EVERY_TOOL, Policy, Repeat, Sample
from interloom.bridges.mcp import Reached
from interloom.bridges.mcp.core.breaker import FAILURES
from interloom.bridges.mcp.core.rounds import Call
from interloom.runtime.errors import BadConfig, LocalError, TransportError
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import SHIP, depot, fails, gives
from tests.bridges.mcp.test_watch import CHANGED, acknowledged, told
from tests.runtime.net.hostile import serving

ROOT = Path(__file__).parents[2]
AGENT = "agents: {a: {use: 'trip:concierge'}}\n"
CALL = Call("depot", "tools/call", {"name": "add", "arguments": {"a": 2, "b": 3}})


def servers(block: dict[str, object], *, folder: Path = ROOT) -> ToolServers:
    text = f"{AGENT}mcpServers: {json.dumps({'depot': block})}\n"
    config = parse(text, "interloom.yaml", {"ROOT": str(ROOT)})
    return ToolServers(config.tool_servers(), folder=folder)


async def test_program_of_the_file_serves_tools_while_the_block_runs() -> None:
    """docs/configuration.md: `command`, `args`, `env`, `retry`."""
    program = ["-m", "tests.bridges.mcp.official"]
    env = {"PYTHONPATH": "${ROOT}"}
    tools = servers({"command": sys.executable, "args": program, "env": env, "retry": "always"})
    depot = tools.by_name["depot"]
    with anyio.fail_after(60):
        async with tools.open():
            result = await depot.client.exchange(CALL.send())
        with pytest.raises(LocalError, match="transport is not open"):
            await depot.client.exchange(CALL.send())

    assert result["structuredContent"] == {"result": 5}
    assert depot.policy == Policy(Repeat.ALWAYS)


POLICIES: dict[str, tuple[dict[str, object], Policy]] = {
    "nothing said": ({}, Policy()),
    "one word": ({"retry": "never"}, Policy(Repeat.NEVER)),
    "words by tool": (
        {"retry": {"book": "never", "look": "always"}},
        Policy(Repeat.ASK, {"book": Repeat.NEVER, "look": Repeat.ALWAYS}),
    ),
    "a word for the others": (
        {"retry": {"*": "always", "book": "ask"}},
        Policy(Repeat.ALWAYS, {"book": Repeat.ASK}),
    ),
    "the key": ({"honoursKey": True}, Policy(honours_key=frozenset({EVERY_TOOL}))),
    "no key": ({"honoursKey": False}, Policy()),
    "the key of one tool": ({"honoursKey": ["book"]}, Policy(honours_key=frozenset({"book"}))),
    "trust": ({"trusted": True}, Policy(is_trusted=True)),
}


@pytest.mark.parametrize(("said", "policy"), POLICIES.values(), ids=POLICIES)
def test_policy_is_what_the_file_says(said: dict[str, object], policy: Policy) -> None:
    """docs/configuration.md: `retry`, `honoursKey`, `trusted`."""
    url: dict[str, object] = {"url": "https://depot.example/mcp"}

    assert servers({**url, **said}).by_name["depot"].policy == policy


async def test_server_is_told_what_we_can_do_for_it(tmp_path: Path) -> None:
    """docs/configuration.md: roots only where they are named; a call may become a task."""
    url: dict[str, object] = {"url": "https://depot.example/mcp"}
    plain = servers(url).by_name["depot"]
    rooted = servers({**url, "roots": [str(tmp_path)]}).by_name["depot"]
    writer = "tests.apps.test_tool_servers:write"
    modeled = servers({**url, "sampling": writer}).by_name["depot"]

    assert (plain.roots, rooted.roots) == ((), (tmp_path,))
    assert plain.model is None
    can = [each.client.profile.capabilities.to_json() for each in (plain, rooted, modeled)]
    elicitation: JsonObject = {"form": {}, "url": {}}
    tasks: JsonObject = {"io.modelcontextprotocol/tasks": {}}
    assert can == [
        {"elicitation": elicitation, "extensions": tasks},
        {"elicitation": elicitation, "roots": {}, "extensions": tasks},
        {"elicitation": elicitation, "sampling": {}, "extensions": tasks},
    ]


async def write(request: Sample) -> str:
    """Writes as many letters as it may."""
    return "a" * request.max_tokens


async def test_function_of_the_file_writes_what_the_server_asks_for() -> None:
    """docs/configuration.md: `sampling`."""
    url: dict[str, object] = {"url": "https://depot.example/mcp"}
    depot = servers({**url, "sampling": "tests.apps.test_tool_servers:write"}).by_name["depot"]

    assert depot.model is not None
    content: JsonObject = {"type": "text", "text": "aaa"}
    name = "tests.apps.test_tool_servers:write"
    written = await depot.model.sample(Sample((), 3, None, {}))
    assert written == {"role": "assistant", "content": content, "model": name}


@pytest.mark.parametrize(
    ("reference", "rule"),
    [
        ("no_such_module:write", "no module no_such_module in "),
        ("tests.apps.test_tool_servers:wright", "is no async function; did you mean 'write'?"),
        ("tests.apps.test_tool_servers:servers", "is no async function"),
        ("tests.apps.test_tool_servers:ROOT", "is no async function"),
    ],
)
def test_code_that_cannot_write_is_refused_by_its_key(reference: str, rule: str) -> None:
    """ours: said before anything is served."""
    url: dict[str, object] = {"url": "https://depot.example/mcp"}
    with pytest.raises(BadConfig) as refused:
        servers({**url, "sampling": reference})

    assert str(refused.value).startswith("mcpServers.depot.sampling: ")
    assert rule in str(refused.value)


async def test_list_that_is_kept_is_stale_when_its_server_says_so() -> None:
    """MCP 2026-07-28 server/utilities/caching "Interaction with Notifications"."""
    listed: JsonObject = {"tools": [SHIP], "ttlMs": 3_600_000, "cacheScope": "public"}
    script = depot(
        tools_list=gives(listed),
        tools_call=gives({"content": []}),
        subscriptions_listen=told(acknowledged(toolsListChanged=True), CHANGED, gracefully=True),
    )
    call = Call("depot", "tools/call", {"name": "ship", "arguments": {}})
    async with serving(script.answer) as server:
        tools = servers({"url": server.url})
        client = tools.by_name["depot"].client
        with anyio.fail_after(20):
            async with tools.open():
                await client.exchange(call.send())
                while not client.cache.counts_of("depot").purged:
                    await anyio.lowlevel.checkpoint()
                await client.exchange(call.send())

    assert script.methods.count("tools/list") == 2


async def test_account_of_each_server_is_told_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """docs/tool-servers.md; a server that nobody used has none."""
    caplog.set_level("INFO")
    script = depot(tools_call=gives({"content": []}))
    call = Call("depot", "tools/call", {"name": "ship", "arguments": {}})
    async with serving(script.answer) as server:
        block: dict[str, object] = {"url": server.url, "headers": {"X-Key": "s3cret"}}
        idle, tools = servers(block), servers(block)
        with anyio.fail_after(20):
            async with idle.open():
                pass
            assert "mcp.server_account" not in caplog.text
            async with tools.open():
                await tools.by_name["depot"].client.exchange(call.send())

    (health,) = tools.health()
    assert (health.era, health.reached, health.cache.misses) == ("modern", Reached.YES, 1)
    assert "mcp.server_account" in caplog.text
    assert "s3cret" not in str(health.to_json()) + repr(health)


@pytest.mark.parametrize(("cache", "asked"), [("process", 2), ("shared", 1)])
async def test_list_that_is_shared_outlives_the_process(
    tmp_path: Path, cache: str, asked: int
) -> None:
    """docs/tool-servers.md: `cache: shared`."""
    listed: JsonObject = {"tools": [SHIP], "ttlMs": 3_600_000, "cacheScope": "private"}
    script = depot(tools_list=gives(listed), subscriptions_listen=fails(-32601, status=404))
    async with serving(script.answer) as server:
        for _ in range(2):
            ledger = SqliteLedger(tmp_path / "store.db")
            tools = servers({"url": server.url, "headers": {"X": "1"}, "cache": cache})
            with anyio.fail_after(20):
                async with tools.open(ledger):
                    await tools.by_name["depot"].client.list_tools()
            await ledger.aclose()

    assert script.methods.count("tools/list") == asked


async def test_what_the_block_raises_leaves_it_as_it_is() -> None:
    """ours: an error of the start is told in its own words, not as a group of errors."""
    tools = servers({"command": sys.executable, "args": []})
    with pytest.raises(BadConfig, match="somebody else's store"), anyio.fail_after(20):
        async with tools.open():
            raise BadConfig("somebody else's store")


async def test_server_that_is_down_is_left_alone_after_a_while() -> None:
    """ours: a call that waits for a server that is down waits for nothing."""
    tools = servers({"url": "http://127.0.0.1:9/mcp", "timeout": 1})
    client = tools.by_name["depot"].client
    with anyio.fail_after(60):
        async with tools.open():
            said: list[str] = []
            while not said or "was not tried" not in said[-1]:
                with pytest.raises(TransportError) as caught:
                    await client.exchange(CALL.send())
                said.append(str(caught.value))

    assert len(said) == FAILURES + 1


@pytest.mark.parametrize(
    ("block", "rule"),
    [
        ({"command": "run\0", "args": []}, "a word of its command cannot be passed on"),
        ({"url": "https://depot.example", "headers": {"Accept": "x"}}, "is set by the client"),
    ],
)
def test_server_that_cannot_be_described_is_refused_by_name(block: JsonObject, rule: str) -> None:
    """ours: said before anything is served."""
    with pytest.raises(BadConfig, match=f"MCP server depot: .*{rule}"):
        servers(dict(block))
