"""A transport that breaks down takes nobody along, and is begun anew (ours)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio
import pytest

from interloom.bridges.mcp.contained import Contained
from interloom.bridges.mcp.memory import InMemory
from interloom.bridges.mcp.port import Patience
from interloom.runtime.errors import LocalError, TransportError
from tests.bridges.mcp.spoken import NO_HEADERS, Server, echo, silence, stamped
from tests.bridges.mcp.test_pool import until


class Brittle(InMemory):
    """Its background breaks down when told, at once or some time after it has begun to end.

    Attributes:
        opened: Times it was opened.
        breaks: Set to break what is open.
        ending: Set once what was open has begun to end.
        ends: What is open ends once this is set.
        refuses: True when it cannot be opened at all.
    """

    def __init__(self, server: Server) -> None:
        super().__init__("depot", server.serve, patience=Patience(5.0, 9.0))
        self.opened = 0
        self.breaks, self.ending, self.ends = anyio.Event(), anyio.Event(), anyio.Event()
        self.ends.set()
        self.refuses = False

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        if self.refuses:
            raise RuntimeError("a bug")
        self.opened += 1
        async with super().open(), anyio.create_task_group() as group:
            group.start_soon(self._break)
            try:
                yield
            finally:
                self.ending.set()
                with anyio.CancelScope(shield=True):
                    await self.ends.wait()
            group.cancel_scope.cancel()

    async def _break(self) -> None:
        await self.breaks.wait()
        self.breaks = anyio.Event()
        raise RuntimeError("a bug")


@asynccontextmanager
async def contained(brittle: Brittle) -> AsyncGenerator[Contained]:
    transport = Contained(brittle)
    with anyio.fail_after(20):
        async with transport.open():
            yield transport


def broke(caplog: pytest.LogCaptureFixture) -> Callable[[], bool]:
    return lambda: "mcp.client_broke" in caplog.text


async def test_transport_is_opened_once_and_when_it_is_needed() -> None:
    brittle = Brittle(Server(echo))
    async with contained(brittle) as transport:
        before = brittle.opened
        async with anyio.create_task_group() as group:
            for name in ("r1", "r2", "r3"):
                group.start_soon(transport.request, stamped(name), NO_HEADERS)

    assert (before, brittle.opened) == (0, 1)


async def test_break_down_ends_what_is_under_way_and_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(silence)
    brittle = Brittle(server)
    failed: list[TransportError] = []

    async def waits(transport: Contained) -> None:
        with pytest.raises(TransportError) as caught:
            await transport.request(stamped("r1"), NO_HEADERS)
        failed.append(caught.value)

    async with contained(brittle) as transport, anyio.create_task_group() as group:
        group.start_soon(waits, transport)
        await server.until("resources/read")
        brittle.breaks.set()
        await until(broke(caplog))
        server.react = echo
        assert await transport.request(stamped("r2"), NO_HEADERS) == {"said": "r2"}

    assert failed[0].delivered
    assert brittle.opened == 2


async def test_request_waits_until_what_broke_down_is_seen_off() -> None:
    """ours: two of it at a time could meet each other."""
    brittle, results = Brittle(Server(echo)), list[object]()

    async def asks(transport: Contained) -> None:
        results.append(await transport.request(stamped("r2"), NO_HEADERS))

    async with contained(brittle) as transport, anyio.create_task_group() as group:
        await transport.request(stamped("r1"), NO_HEADERS)
        brittle.ends = anyio.Event()
        brittle.breaks.set()
        await brittle.ending.wait()
        group.start_soon(asks, transport)
        await anyio.wait_all_tasks_blocked()
        results.append(brittle.opened)
        brittle.ends.set()

    assert results == [1, {"said": "r2"}]
    assert brittle.opened == 2


async def test_transport_that_cannot_be_opened_says_so_to_each_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    brittle = Brittle(Server(echo))
    brittle.refuses = True
    async with contained(brittle) as transport:
        for _ in range(2):
            with pytest.raises(LocalError, match="its transport is not open"):
                await transport.request(stamped("r1"), NO_HEADERS)
        brittle.refuses = False
        assert await transport.request(stamped("r2"), NO_HEADERS) == {"said": "r2"}

    assert caplog.text.count("mcp.client_broke") == 2


async def test_transport_outside_its_block_is_as_the_one_inside() -> None:
    """`Transport.open`: some work there, this one raises."""
    brittle = Brittle(Server(echo))
    async with contained(brittle) as transport:
        await transport.request(stamped("r1"), NO_HEADERS)
    with pytest.raises(LocalError, match="its transport is not open"):
        await transport.request(stamped("r2"), NO_HEADERS)


async def test_error_of_the_block_leaves_it() -> None:
    """ours: only the background is contained."""

    async def fails() -> None:
        async with contained(Brittle(Server(echo))) as transport:
            await transport.request(stamped("r1"), NO_HEADERS)
            raise KeyError("theirs")

    with pytest.raises(ExceptionGroup) as caught:
        await fails()

    assert caught.group_contains(KeyError)
