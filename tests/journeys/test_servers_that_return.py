"""A tool server that is away for a while: what a person said is delivered when it is back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from interloom.agents import Context, agent
from interloom.bridges.handoff import ToolServer
from interloom.bridges.handoff.conversation import CONNECT_TRIES
from interloom.bridges.mcp import McpClient, ServerSpec, StreamableHttp
from interloom.runtime.net.port import DEFAULT_LIMITS, Limits, Reply
from interloom.runtime.testing.in_process import AppHttp, in_process
from interloom.runtime.values import JsonObject
from tests.journeys.desk import SEATS, STATE, Desk, Seen, asks, form, says
from tests.journeys.matrix import Stage
from tests.journeys.words import message, result, send


@agent(name="concierge")
async def concierge(ctx: Context) -> str:
    """Ships."""
    return (await ctx.tool("flights", "ship", {"to": ctx.text})).text


class ComesBack:
    """An HTTP port to a server that is away from its first answer on, for some tries."""

    def __init__(self, port: AppHttp, away: int) -> None:
        self._port, self._app, self.away = port, port.app, away

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> AbstractAsyncContextManager[Reply]:
        """As the port does, or refused."""
        is_answer = b'"inputResponses"' in (body or b"")
        self.away -= is_answer
        self._port.app = None if is_answer and self.away >= 0 else self._app
        return self._port.send(method, url, headers=headers, body=body, limits=limits)

    async def aclose(self) -> None:
        """Breaks every connection."""
        await self._port.aclose()


async def test_answer_of_a_person_outlives_a_server_that_restarts(stage: Stage) -> None:
    """Ours: a question that waited for days is not lost to a deployment."""

    async def ship(seen: Seen) -> JsonObject:
        if seen.params.get("requestState") == STATE:
            return says("shipped")
        return asks(STATE, seat=form("Window or aisle?", seat=SEATS))

    async with in_process(Desk(ship=ship)) as port:
        away = ComesBack(port, CONNECT_TRIES)
        tools = {
            "flights": ToolServer(
                McpClient(StreamableHttp(ServerSpec("flights", "http://desk.test"), away))
            )
        }
        async with stage.play(concierge, tools=tools) as world:
            client = stage.client(world, "concierge")
            task = await send(client, "Lisbon")
            done = await send(client, message("window", task=task))

    assert away.away == -1
    assert result(done) == "shipped"
