"""Our agents call one that is served by the official A2A SDK.

Source: a2a-sdk 1.3, which takes a repeated messageId for a new message; A2A 1.0.1 section 3.3.1
leaves that to agents. DESIGN section 4 (`ours`): so a doubt about it is put to a person.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import pytest
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from starlette.applications import Starlette

from interloom.agents import Context, agent
from interloom.bridges.delegation import Peer, Peers
from interloom.bridges.handoff import Repeat, Toolbox
from interloom.runtime.client import A2AClient
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.model import TaskState
from interloom.runtime.testing.in_process import AppHttp, in_process
from interloom.runtime.testing.pair import World, pair
from tests.journeys.elsewhere import Silent
from tests.journeys.words import AT_ONCE, message, open_questions, question, result, send, until
from tests.peers.official_agent import Asker, card

URL: Final = "http://127.0.0.1:8080"
BOUND_S: Final = 30.0


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Asks the official agent."""
    return f"It says: {(await ctx.delegate('asker', ctx.text)).text}"


@asynccontextmanager
async def played(
    repeat: Repeat = Repeat.ASK, *, dedupes: bool = False
) -> AsyncGenerator[tuple[World, AppHttp, A2AClient]]:
    """The runtime of our agent, the port to the official one, and a client of that."""
    about = card(f"{URL}/", "JSONRPC", "1.0")
    handler = DefaultRequestHandler(
        agent_executor=Asker(), task_store=InMemoryTaskStore(), agent_card=about
    )
    routes = [*create_agent_card_routes(about), *create_jsonrpc_routes(handler, "/")]
    app: Any = Starlette(routes=routes)
    with anyio.fail_after(BOUND_S):
        async with in_process(app) as port:
            official = A2AClient(URL, port)
            peer = Peer("asker", lambda _owner: official, repeat, dedupes=dedupes)
            bound = concierge.bind(Toolbox({}), Peers([peer]))
            async with pair([bound], MemoryLedger) as world:
                yield world, port, official


async def test_question_in_words_climbs_and_is_answered_in_words() -> None:
    """A2A 3.4.3: on the same task, in the same context."""
    async with played() as (world, _, official):
        client = world.client("concierge")
        asked = await send(client, "begin")
        await world.crash()
        done = await send(client, message("blue", task=asked))
        (task,) = (await official.list()).tasks

    assert question(asked).splitlines()[0] == "asker asks: And then?"
    assert result(done) == "It says: blue"
    assert task.status.state is TaskState.COMPLETED


async def test_cancel_goes_down() -> None:
    """A2A 3.1.5."""
    async with played() as (world, _, official):
        client = world.client("concierge")
        asked = await send(client, "begin")
        await client.cancel(asked.id)
        (task,) = (await official.list()).tasks
        gone = await until(official, task, TaskState.CANCELED)

    assert gone.status.state is TaskState.CANCELED


async def lost(world: World, port: AppHttp) -> A2AClient:
    """Kill our runtime between the message and its reply; a client of ours."""
    assert port.app is not None
    port.app = silent = Silent(port.app, "SendMessage")
    client = world.client("concierge")
    await send(client, "begin", AT_ONCE)
    await silent.kept.wait()
    await world.crash()
    return client


DECISIONS = {"retry": "It says: blue", "done: green": "It says: green"}


@pytest.mark.parametrize("words", DECISIONS)
async def test_message_whose_reply_was_lost_is_asked_about(words: str) -> None:
    """DESIGN 4: nobody knows what it makes of a repeat."""
    async with played() as (world, port, official):
        client = await lost(world, port)
        (listed,) = (await client.list()).tasks
        asked = await until(client, listed, TaskState.INPUT_REQUIRED)
        begun_before = len((await official.list()).tasks)
        after = await send(client, message(words, task=asked))
        if after.status.state is TaskState.INPUT_REQUIRED:
            after = await send(client, message("blue", task=asked))

    assert list(open_questions(asked)) == ["asker-interrupted"]
    assert begun_before == 1
    assert result(after) == DECISIONS[words]


async def test_operator_may_say_that_it_takes_no_message_twice() -> None:
    """docs/configuration.md: `honoursKey`; then it is sent again."""
    async with played(dedupes=True) as (world, port, _):
        client = await lost(world, port)
        (listed,) = (await client.list()).tasks
        asked = await until(client, listed, TaskState.INPUT_REQUIRED)

    assert question(asked).splitlines()[0] == "asker asks: And then?"


async def test_operator_may_say_that_nothing_is_repeated() -> None:
    """docs/configuration.md: `retry: never`."""
    async with played(Repeat.NEVER) as (world, port, _):
        client = await lost(world, port)
        (listed,) = (await client.list()).tasks
        gone = await until(client, listed, TaskState.FAILED)

    assert question(gone) == "The message to asker was interrupted and not repeated."
