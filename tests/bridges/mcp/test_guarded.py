"""A server that has failed lately is left alone for a while (ours)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.bridges.mcp.core.breaker import (
    FAILURES,
    FIRST_REST_S,
    MAX_REST_S,
    Breaker,
)
from interloom.bridges.mcp.core.errors import Busy, InvalidParams
from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.guarded import Guarded
from interloom.bridges.mcp.port import ClientFault, Hear, Patience
from interloom.runtime.errors import TransportError
from interloom.runtime.values import JsonObject
from tests.bridges.mcp.depot import FakeClock

REQUEST = Request("1", "tools/call", {})
DOWN = TransportError("no answer", delivered=True)
REFUSED = InvalidParams("depot", "tools/call", error_code=-32602)


class Scripted:
    """A transport that fails as it is told."""

    server = "depot"

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.tries = 0
        self.left: list[str] = []
        self.said = ["notifications/tools/list_changed"]

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        yield

    async def request(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        hear: Hear | None = None,
        patience: Patience | None = None,
    ) -> JsonObject:
        del request, headers, hear, patience
        self.tries += 1
        await anyio.lowlevel.checkpoint()
        if self.error is not None:
            raise self.error
        return {}

    @asynccontextmanager
    async def listen(
        self, request: Request, headers: Mapping[str, str]
    ) -> AsyncGenerator[AsyncIterator[Notification]]:
        await self.request(request, headers)

        async def said() -> AsyncIterator[Notification]:
            for method in self.said:
                yield Notification(method)
            if not self.said:
                raise DOWN

        yield said()

    def leave(self, state: str) -> None:
        self.left.append(state)


class House:
    def __init__(self) -> None:
        self.inner, self.clock = Scripted(), FakeClock()
        self.guarded = Guarded(self.inner, clock=self.clock)

    async def ask(self) -> str:
        try:
            await self.guarded.request(REQUEST, {})
        except TransportError as error:
            return "left alone" if "was not tried" in str(error) else "failed"
        except (Busy, InvalidParams) as error:
            return error.code
        return "answered"

    async def break_down(self) -> None:
        self.inner.error = DOWN
        assert [await self.ask() for _ in range(FAILURES)] == ["failed"] * FAILURES


async def test_server_is_left_alone_after_some_failures(caplog: pytest.LogCaptureFixture) -> None:
    house = House()
    await house.break_down()

    assert [await house.ask() for _ in range(3)] == ["left alone"] * 3
    assert house.inner.tries == FAILURES
    assert [record.msg for record in caplog.records] == ["mcp.server_down"]


async def test_call_that_was_not_tried_was_not_delivered() -> None:
    """The one who asks may try again: nothing has happened."""
    house = House()
    await house.break_down()
    with pytest.raises(TransportError, match="depot: tools/call: was not tried") as caught:
        await house.guarded.request(REQUEST, {})
    assert not caught.value.delivered


async def test_one_call_finds_out_whether_the_server_is_back() -> None:
    house = House()
    await house.break_down()
    house.clock.now_s += FIRST_REST_S
    house.inner.error = None
    said: list[str] = []

    async def ask() -> None:
        said.append(await house.ask())

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(ask)

    assert sorted(said) == ["answered", "left alone", "left alone"]
    assert await house.ask() == "answered"


async def test_server_that_is_not_back_rests_longer() -> None:
    house = House()
    await house.break_down()
    for rest_s in (1.0, 2.0, 4.0, 8.0, MAX_REST_S, MAX_REST_S):
        house.clock.now_s += rest_s - 0.01
        assert await house.ask() == "left alone"
        house.clock.now_s += 0.01
        assert await house.ask() == "failed"


async def test_refusal_is_an_answer() -> None:
    """An error of the protocol shows that the server is there."""
    house = House()
    house.inner.error = DOWN
    await house.ask()
    house.inner.error = REFUSED
    assert await house.ask() == REFUSED.code
    assert house.guarded.breaker == Breaker()


async def test_server_that_is_busy_for_long_is_left_alone() -> None:
    house = House()
    house.inner.error = Busy("depot", "tools/call", 503)
    for _ in range(FAILURES):
        await house.ask()
    assert await house.ask() == "left alone"


async def test_caller_who_leaves_a_probe_lets_another_in() -> None:
    house = House()
    await house.break_down()
    house.clock.now_s += FIRST_REST_S
    with anyio.CancelScope() as scope:
        scope.cancel()
        await house.ask()
    house.inner.error = None
    assert await house.ask() == "answered"


async def test_stream_counts_by_how_it_begins() -> None:
    house = House()
    house.inner.error = DOWN
    for _ in range(FAILURES):
        with pytest.raises(TransportError):
            async with house.guarded.listen(REQUEST, {}):
                pass
    assert not house.guarded.breaker.is_closed
    house.clock.now_s += FIRST_REST_S
    house.inner.error = None
    async with house.guarded.open(), house.guarded.listen(REQUEST, {}) as said:
        assert [each.method async for each in said] == ["notifications/tools/list_changed"]
    assert house.guarded.breaker.is_closed


async def test_stream_that_brings_nothing_is_no_answer() -> None:
    """On stdio a request to listen is sent, and nothing says yet that anybody is there."""
    house = House()
    house.inner.said = []
    await house.break_down()
    house.clock.now_s += FIRST_REST_S
    house.inner.error = None
    async with house.guarded.listen(REQUEST, {}) as said:
        assert not house.guarded.breaker.is_closed
        with pytest.raises(TransportError):
            await anext(said)
    assert await house.ask() == "left alone"


async def test_fault_of_ours_says_nothing_about_the_server() -> None:
    """Questions that nobody answers, or whose connection is gone, are no reason to rest."""
    house = House()
    house.inner.error = ClientFault("too many are open", delivered=False)
    for _ in range(FAILURES + 1):
        assert await house.ask() == "failed"
    assert house.guarded.breaker == Breaker()


@given(st.lists(st.sampled_from(["ok", "fail", "wait", "leave"]), max_size=60))
def test_breaker_holds_under_any_history(history: list[str]) -> None:
    """It opens only after FAILURES in a row, rests within bounds, and always lets one in again."""
    breaker, now_s, row = Breaker(), 0.0, 0
    for what in history:
        if what == "wait":
            now_s += 1
            continue
        breaker, may = breaker.admit(now_s)
        if not may:
            assert row >= FAILURES
            continue
        if what == "ok":
            breaker, row = breaker.succeeded(), 0
        elif what == "fail":
            breaker, row = breaker.failed(now_s), row + 1
        else:
            breaker = breaker.left()
        assert breaker.is_closed == (row < FAILURES)
        assert breaker.rests_until_s is None or breaker.rests_until_s <= now_s + MAX_REST_S
    assert breaker.admit(now_s + MAX_REST_S)[1]


async def test_call_that_is_left_is_left_whatever_the_servers_health() -> None:
    """ours: it costs nobody a wait."""
    house = House()
    house.guarded.leave("s1")

    assert house.inner.left == ["s1"]
