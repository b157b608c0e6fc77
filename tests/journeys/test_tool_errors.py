"""A tool call that comes to nothing: its author sees the same error live and after a restart."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest
from anyio.lowlevel import checkpoint

from interloom.agents import Context, agent
from interloom.bridges.handoff import ToolFailed, ToolServer, ToolUnanswered
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.bridges.mcp.core.frames import Profile
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.rows import CallState, Journal, PutCall, Write
from interloom.runtime.model import Task, TaskState
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.testing.in_process import in_process
from interloom.runtime.testing.pair import World
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.depot import SHIP, Depot, Reply, depot, fails, gives
from tests.bridges.mcp.depot import says as sends
from tests.journeys.desk import SEATS, STATE, Answer, Desk, Seen, asks, form, says
from tests.journeys.matrix import Stage
from tests.journeys.words import AT_ONCE, message, question, result, send, until
from tests.runtime.net.hostile import head, serving

MAYBE = "the call of ship may have taken effect."
MIRRORED: JsonObject = {
    "name": "ship",
    "inputSchema": {
        "type": "object",
        "properties": {"n": {"type": "integer", "x-mcp-header": "N"}},
    },
}


@dataclass
class Careful:
    """An agent that asks its caller when a tool call comes to nothing.

    Attributes:
        seen: What it caught, each time its code was run.
    """

    seen: list[tuple[type[Exception], str, Mapping[str, object]]] = field(
        default_factory=list[tuple[type[Exception], str, Mapping[str, object]]]
    )

    async def work(self, ctx: Context) -> str:
        """Ships a number that no header can carry."""
        try:
            return (await ctx.tool("flights", "ship", {"n": 2**60})).text
        except (ToolFailed, ToolUnanswered, LocalError) as error:
            self.seen.append((type(error), str(error), dict(vars(error))))
            return f"{await ctx.ask('What instead?')} instead"


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Ships."""
    return (await ctx.tool("flights", "ship", {"to": ctx.text})).text


@asynccontextmanager
async def served(
    script: Depot, profile: Profile | None = None
) -> AsyncGenerator[dict[str, ToolServer]]:
    """The toolbox of an agent with the depot alone, over TCP."""
    port = PooledHttp()
    async with serving(script.answer) as server:
        spec = ServerSpec("flights", server.url, timeout_s=0.5, total_s=2.0)
        yield {"flights": ToolServer(McpClient(StreamableHttp(spec, port), profile=profile))}
    await port.aclose()


def lists(*tools: Json) -> Reply:
    return gives({"tools": tools})


AT = "MCP server flights:"
AT_ITS = {"server": "flights", "tool": "ship"}
ENDS: dict[str, tuple[Depot, type[Exception], str, JsonObject]] = {
    "an error": (
        depot(tools_call=fails(-32602)),
        ToolFailed,
        f"{AT} tools/call: answered error -32602 (invalid parameters)",
        {**AT_ITS, "error_code": -32602},
    ),
    "a broken rule": (
        depot(tools_call=gives({"resultType": "maybe"})),
        ToolFailed,
        f"{AT} tools/call: resultType 'maybe' is not one we know",
        {**AT_ITS, "error_code": None},
    ),
    "a result of the wrong shape": (
        depot(tools_call=gives({"content": "x"})),
        ToolFailed,
        f"{AT} tools/call: content must be an array",
        {**AT_ITS, "error_code": None},
    ),
    "a gateway": (
        depot(tools_call=sends(head(503, {"Content-Length": "0"}))),
        ToolUnanswered,
        f"{AT} tools/call: answered HTTP 503; {MAYBE}",
        {**AT_ITS, "took_effect": None},
    ),
    "no list": (
        depot(tools_list=sends(head(503, {"Content-Length": "0"}))),
        ToolUnanswered,
        f"{AT} tools/list: answered HTTP 503; the call of ship did not take place.",
        {**AT_ITS, "took_effect": False},
    ),
    "nothing to send": (
        depot(tools_list=lists(MIRRORED)),
        LocalError,
        "argument n: the integer is too large for Mcp-Param-N",
        {},
    ),
    "nothing to send a second time": (
        depot(tools_list=[lists(SHIP), lists(MIRRORED)], tools_call=fails(-32020)),
        LocalError,
        "argument n: the integer is too large for Mcp-Param-N",
        {},
    ),
}


@pytest.mark.parametrize("end", ENDS)
async def test_agent_that_caught_an_error_takes_the_same_path_after_a_crash(
    stage: Stage, end: str
) -> None:
    """Ours: the error is stored with its class; a call that was never sent is in no doubt."""
    script, kind, text, fields = ENDS[end]
    sent = 0 if end in {"no list", "nothing to send"} else 1
    script, careful = _fresh(script), Careful()
    body = agent(name="concierge", description="Ships.")(careful.work)
    async with served(script) as tools, stage.play(body, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon")
        journal = await world.ledger.journal(task.id)
        await world.crash()
        done = await send(client, message("a train", task=task))

    assert question(task).splitlines()[0] == "What instead?"
    assert result(done) == "a train instead"
    assert careful.seen == [(kind, text, fields)] * 2
    assert script.methods.count("tools/call") == sent
    state = CallState.DONE if end == "a result of the wrong shape" else CallState.ERROR
    assert [row.state for row in journal.calls.values()] == [state]


class Noting(MemoryLedger):
    """A store that notes the states calls go through.

    Attributes:
        states: Of all calls, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.states: list[CallState] = []

    async def commit(self, *writes: Write) -> None:
        """Stores."""
        self.states += [write.call.state for write in writes if isinstance(write, PutCall)]
        await super().commit(*writes)


@pytest.mark.parametrize("end", ["no list", "nothing to send"])
async def test_call_that_cannot_be_sent_was_never_intended(end: str) -> None:
    """Ours: killed at any moment, it is nothing anybody could be in doubt about."""
    store, careful = Noting(), Careful()
    body = agent(name="concierge", description="Ships.")(careful.work)
    stage = Stage(World.client, lambda: store)
    async with served(_fresh(ENDS[end][0])) as tools, stage.play(body, tools=tools) as world:
        await send(stage.client(world, "concierge"), "Lisbon")

    assert store.states == [CallState.ERROR]


def _fresh(script: Depot) -> Depot:
    """The same script from its beginning."""
    return Depot({method: list(replies) for method, replies in script.replies.items()})


@agent(name="curious")
async def curious(ctx: Context) -> str:
    """Asks a server what it offers."""
    try:
        return str(await ctx.tools("flights"))
    except (ToolFailed, ToolUnanswered) as error:
        return f"{type(error).__name__}: {error}"


LISTS = {
    "an error": (fails(-32603), f"ToolFailed: {AT} tools/list: answered error -32603"),
    "a gateway": (
        sends(head(502, {"Content-Length": "0"})),
        f"ToolUnanswered: {AT} tools/list: answered HTTP 502",
    ),
}


@pytest.mark.parametrize(("listed", "told"), LISTS.values(), ids=LISTS)
async def test_list_that_does_not_come_is_an_error_of_the_same_family(
    stage: Stage, listed: Reply, told: str
) -> None:
    """Ours: an author catches what `interloom.bridges.handoff` names, and nothing below it."""
    async with served(depot(tools_list=listed)) as tools, stage.play(curious, tools=tools) as world:
        done = await send(stage.client(world, "curious"), "go")

    assert result(done).startswith(told)


async def test_server_that_asks_for_what_was_not_declared_is_refused(stage: Stage) -> None:
    """MCP mrtr, server rule 7: held against what the request declared, not against the default."""
    script = depot(tools_call=gives(asks(STATE, seat=form("Window or aisle?", seat=SEATS))))
    profile = Profile(capabilities=Capabilities(form=False))
    async with (
        served(script, profile) as tools,
        stage.play(concierge, tools=tools) as world,
    ):
        done = await send(stage.client(world, "concierge"), "Lisbon")

    assert done.status.state is TaskState.FAILED
    assert question(done).endswith("elicitation/create needs a capability we did not declare")


async def test_repeat_that_never_arrived_says_nothing_of_the_first_try(stage: Stage) -> None:
    """Ours: the first request may have taken effect, whatever became of the second."""
    arrived = anyio.Event()

    async def ship(_: Seen) -> JsonObject:
        arrived.set()
        await anyio.sleep_forever()
        return {}

    async with in_process(Desk(ship=ship)) as port:
        tools = {
            "flights": ToolServer(
                McpClient(StreamableHttp(ServerSpec("flights", "http://desk.test"), port))
            )
        }
        async with stage.play(concierge, tools=tools) as world:
            client = stage.client(world, "concierge")
            task = await send(client, "Lisbon", AT_ONCE)
            await arrived.wait()
            await world.crash()
            await until(client, task, TaskState.INPUT_REQUIRED)
            port.app = None
            done = await send(client, message(data={"decision": "call it again"}, task=task))

    assert question(done).endswith(f"no connection: refused or unreachable; {MAYBE}")


CHANGED = (
    "tool/flights.ship/1: the arguments were others before: the agent's code took another path"
    " than the first time. What may differ from run to run belongs into a step."
)


async def books(seen: Seen) -> JsonObject:
    """Answers at once."""
    return says(str(seen.wish["arguments"]))


async def wonders(_: Seen) -> JsonObject:
    """Asks."""
    return asks(STATE, seat=form("Window or aisle?", seat=SEATS))


async def hangs(_: Seen) -> JsonObject:
    """Never answers."""
    await anyio.sleep_forever()
    return {}


STANDS = {
    "done": (books, CallState.DONE),
    "waiting for an answer": (wonders, CallState.INPUT_REQUIRED),
    "under way": (hangs, CallState.INTENDED),
}


@pytest.mark.parametrize(("ship", "state"), STANDS.values(), ids=STANDS)
async def test_one_call_never_becomes_another_wherever_it_stood(
    stage: Stage, ship: Answer, state: CallState
) -> None:
    """Ours: an agent whose code is not the same when it is run again fails, in words."""
    runs: list[str] = []

    @agent(name="waverer")
    async def waverer(ctx: Context) -> str:
        runs.append("Paris" if runs else "Lisbon")
        flight = await ctx.tool("flights", "ship", {"to": runs[-1]})
        return f"{flight.text}, {await ctx.ask('Which way?')}"

    desk = Desk(ship=ship)
    async with desk.open() as tools, stage.play(waverer, tools=tools) as world:
        client = stage.client(world, "waverer")
        task = await send(client, "go", AT_ONCE)
        before = await _reached(world, task, desk, state)
        await world.crash()
        done = await until(client, task, TaskState.FAILED)
        after = await world.ledger.journal(task.id)

    assert question(done) == CHANGED
    assert len(desk.calls) == 1
    assert after.calls == before.calls


async def _reached(world: World, task: Task, desk: Desk, state: CallState) -> Journal:
    """Wait until the call has reached the server and its row a state; nobody tells, so we look."""
    while True:
        journal = await world.ledger.journal(task.id)
        if desk.calls and [row.state for row in journal.calls.values()] == [state]:
            return journal
        await checkpoint()


class StopsBeforeTheRepeat(MemoryLedger):
    """A store that takes a postponed call and, until it is opened again, no intent after it.

    Attributes:
        stopped: Set when it has been handed that intent.
        is_open: Lets intents pass.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stopped, self.is_open = anyio.Event(), True

    async def commit(self, *writes: Write) -> None:
        """Stores, or waits for ever."""
        states = [write.call.state for write in writes if isinstance(write, PutCall)]
        if CallState.INTENDED in states and not self.is_open:
            self.stopped.set()
            await anyio.sleep_forever()
        await super().commit(*writes)
        if CallState.POSTPONED in states:
            self.is_open = False


async def test_answered_request_is_in_no_doubt_when_the_server_wants_the_call_again() -> None:
    """MCP mrtr: requestState alone. Ours: killed before the repeat, it is just sent again."""

    async def ship(seen: Seen) -> JsonObject:
        return says("now") if "requestState" in seen.params else asks(STATE)

    store, desk = StopsBeforeTheRepeat(), Desk(ship=ship)
    stage = Stage(World.client, lambda: store)
    async with desk.open() as tools, stage.play(concierge, tools=tools) as world:
        client = stage.client(world, "concierge")
        task = await send(client, "Lisbon", AT_ONCE)
        await store.stopped.wait()
        (row,) = (await world.ledger.journal(task.id)).calls.values()
        store.is_open = True
        await world.crash()
        done = await until(client, task, TaskState.COMPLETED)

    assert row.state is CallState.POSTPONED
    assert result(done) == "now"
    assert [each.params.get("requestState") for each in desk.calls] == [None, STATE]
    keys = [each.meta["io.interloom/idempotencyKey"] for each in desk.calls]
    assert keys == [f"{task.id}/tool/flights.ship/1/{n}" for n in range(2)]
