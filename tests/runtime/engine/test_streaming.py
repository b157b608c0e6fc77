"""Pieces of a text are told in order, few of them, and the source is held up and let go of.

Ours (decision 0033); what an agent and its caller see is in `tests.agents.test_streaming`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

import anyio
import pytest
from anyio.lowlevel import checkpoint

from interloom.runtime.engine import streaming
from interloom.runtime.engine.streaming import ROOM, Piece, Streaming
from interloom.runtime.errors import LocalError

LIMIT_S: Final = 10
LONG_S: Final = 3600.0
"""A rest that nobody waits for in a test."""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


class Caller:
    """Who is told.

    Attributes:
        told: The texts of the pieces.
        gate: Telling ends only once it is set.
    """

    def __init__(self, *, is_open: bool = True) -> None:
        self.told: list[str] = []
        self.gate = anyio.Event()
        self._changed = anyio.Event()
        if is_open:
            self.gate.set()

    async def tell(self, piece: Piece) -> None:
        self.told.append(piece.text)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        await self.gate.wait()

    async def until(self, pieces: int) -> None:
        while len(self.told) < pieces:
            await self._changed.wait()


async def turns() -> None:
    """Let everything that can go on do so."""
    for _ in range(20):
        await checkpoint()


async def test_what_comes_within_the_rest_is_one_piece() -> None:
    caller = Caller()

    async def source() -> AsyncGenerator[str]:
        yield "To"
        await caller.until(1)
        for word in (" be", " or", " not"):
            yield word
            await turns()

    with anyio.fail_after(LIMIT_S):
        made = Streaming("speech", caller.tell, every_s=LONG_S)
        assert await made.pass_on(source()) == "To be or not"
    assert (caller.told, made.last()) == (["To"], Piece(" be or not", append=True, is_last=True))


async def test_what_comes_while_a_piece_is_told_is_one_piece() -> None:
    """However slow the store is: there is one piece under way."""
    caller = Caller(is_open=False)

    async def source() -> AsyncGenerator[str]:
        yield "To"
        await caller.until(1)
        for word in (" be", " or"):
            yield word
            await turns()
        caller.gate.set()
        await caller.until(2)
        yield " not"

    with anyio.fail_after(LIMIT_S):
        made = Streaming("speech", caller.tell, every_s=0)
        await made.pass_on(source())
    assert (caller.told, made.last().text) == (["To", " be or"], " not")


async def test_empty_pieces_are_passed_over() -> None:
    """Models send many: who begins, that they are still there, what it cost."""
    caller = Caller()

    async def source() -> AsyncGenerator[str]:
        yield ""
        await turns()
        yield "To be"
        await caller.until(1)
        for _ in range(3):
            yield ""
            await turns()

    with anyio.fail_after(LIMIT_S):
        made = Streaming("speech", caller.tell, every_s=0)
        await made.pass_on(source())
    assert (caller.told, made.last()) == (["To be"], Piece("", append=True, is_last=True))


async def test_full_room_ends_the_rest_and_holds_the_source_up_meanwhile() -> None:
    caller = Caller()
    part, given = "x" * (ROOM // 2), list[int]()

    async def source() -> AsyncGenerator[str]:
        for number in range(6):
            given.append(number)
            yield part

    with anyio.fail_after(LIMIT_S):  # no rest is waited for
        made = Streaming("speech", caller.tell, every_s=LONG_S)
        await made.pass_on(source())
    assert [len(each) for each in caller.told] == [ROOM] * 3

    caller = Caller(is_open=False)
    given.clear()
    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(Streaming("speech", caller.tell, every_s=0).pass_on, source())
            await caller.until(1)
            await turns()
            assert given == [0, 1, 2, 3]  # one piece under way, one room full
            group.cancel_scope.cancel()


class Held:
    """A source that is no generator: it stands where it was asked for more."""

    def __init__(self) -> None:
        self.is_closed = False

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        return "x" * ROOM

    async def aclose(self) -> None:
        self.is_closed = True


async def test_source_is_closed_wherever_it_stands_when_nobody_listens_any_more() -> None:
    """A model that goes on talking costs money."""
    closed = list[str]()

    async def generator() -> AsyncGenerator[str]:
        try:
            while True:
                yield "x" * ROOM
        finally:
            closed.append("generator")

    held = Held()
    for source in (generator(), held):
        caller = Caller(is_open=False)
        with anyio.fail_after(LIMIT_S):
            async with anyio.create_task_group() as group:
                group.start_soon(Streaming("speech", caller.tell).pass_on, source)
                await caller.until(1)
                await turns()
                group.cancel_scope.cancel()
    assert (closed, held.is_closed) == (["generator"], True)


async def test_what_came_before_the_source_failed_is_told() -> None:
    caller = Caller()

    async def source() -> AsyncGenerator[str]:
        yield "To be"
        yield ", or"
        raise ValueError("not")

    with anyio.fail_after(LIMIT_S), pytest.raises(ValueError, match=r"^not$"):
        await Streaming("speech", caller.tell, every_s=LONG_S).pass_on(source())
    assert caller.told == ["To be, or"]


async def test_failure_to_tell_is_raised_as_it_is_and_closes_the_source() -> None:
    held = Held()

    async def tell(_: Piece) -> None:
        raise OSError("full")

    with anyio.fail_after(LIMIT_S), pytest.raises(OSError, match=r"^full$"):
        await Streaming("speech", tell).pass_on(held)
    assert held.is_closed


async def test_text_that_is_too_long_is_refused_while_it_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not when all of it has been paid for."""
    monkeypatch.setattr(streaming, "MAX_TEXT", 10)

    async def source() -> AsyncGenerator[str]:
        while True:
            yield "word"

    with anyio.fail_after(LIMIT_S), pytest.raises(LocalError) as refusal:
        await Streaming("speech", Caller().tell).pass_on(source())
    assert str(refusal.value) == "stream speech: its text is longer than 10 characters"
