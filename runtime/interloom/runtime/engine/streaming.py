"""Text that the caller gets while it is being made, say by a model.

A model gives a word at a time, and an event costs a commit and a line of every stream. So pieces
are put together: the first goes out at once, then whatever has come, some ten times a second.

Source: A2A 1.0.1 section 4.2.2 (chunks of an artifact); pieces put together are ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from inspect import iscoroutine
from typing import Final, NamedTuple, Protocol, TypeAlias, cast, runtime_checkable

import anyio

from interloom.runtime.engine.side_by_side import side_by_side
from interloom.runtime.errors import LocalError

EVERY_S: Final = 0.08
"""Seconds of rest after each piece but the last; ours: a reader sees it flow, a store rests."""
ROOM: Final = 64 * 1024
"""Characters that may wait to be told; then the source waits, too."""
MAX_TEXT: Final = 8 * 1024 * 1024
"""Characters of a whole text: as JSON it fits into a row, whatever they are."""


class Piece(NamedTuple):
    """What is told at once.

    Attributes:
        text: Never empty, but for the last piece.
        append: It adds to what was told; else it is the beginning.
        is_last: No further piece follows.
    """

    text: str
    append: bool
    is_last: bool


Tell: TypeAlias = Callable[[Piece], Awaitable[None]]
"""Has a piece told; on return it is stored."""


@runtime_checkable
class _Closing(Protocol):
    """What is to be closed when nobody reads it any more; every generator is."""

    async def aclose(self) -> None: ...


class Streaming:
    """One text on its way from its source.

    Args:
        name: What the text is called.
        tell: Tells a piece; there may be one under way while the source goes on, and no second one.
        every_s: Seconds of rest between two pieces.
    """

    def __init__(self, name: str, tell: Tell, *, every_s: float = EVERY_S) -> None:
        self._name, self._tell, self._every_s = name, tell, every_s
        self._text, self._held = list[str](), list[str]()
        self._length = self._size = 0  # characters of either
        self._is_begun = self._has_ended = False
        self._come = anyio.Event()  # there is something to tell, or the end
        self._hurry = anyio.Event()  # the room is full, or it is the end: no more rest
        self._room = anyio.Event()  # what was held was taken to be told
        self._telling = anyio.Lock()

    async def pass_on(self, source: AsyncIterable[str]) -> str:
        """Tell everything there is but the last piece, which `last` then is.

        The source is read in the task of the event loop that calls, so that it is closed with it.

        Returns:
            The whole text.

        Raises:
            LocalError: It is no source of text, or the text is too long.
            Exception: What the source raised; what it gave before is told.
        """
        closing: AbstractAsyncContextManager[object] = nullcontext()
        if isinstance(source, _Closing):
            closing = aclosing(source)
        async with side_by_side() as group, closing:
            group.start_soon(self._tell_on)
            try:
                async for piece in self._checked(source):
                    await self._take(piece)
            except Exception:
                await self._tell_held()
                raise
            self._has_ended = True
            self._come.set()
            self._hurry.set()
        return "".join(self._text)

    def last(self) -> Piece:
        """The last piece, to be told by whoever called, once everything was passed on."""
        return Piece("".join(self._held), self._is_begun, is_last=True)

    def _checked(self, source: object) -> AsyncIterable[object]:
        if isinstance(source, AsyncIterable):
            return cast("AsyncIterable[object]", source)
        if iscoroutine(source):
            source.close()
        raise self._wrong(f"its source must give an async iterable, not {type(source).__name__}")

    async def _take(self, piece: object) -> None:
        if not isinstance(piece, str):
            raise self._wrong(f"a piece must be text, not {type(piece).__name__}")
        if not piece:  # models send many: who begins, that they are still there, what it cost
            return
        try:
            piece.encode()
        except UnicodeEncodeError:
            raise self._wrong("a piece holds half a character") from None
        self._length += len(piece)
        if self._length > MAX_TEXT:
            raise self._wrong(f"its text is longer than {MAX_TEXT:,} characters")
        self._text.append(piece)
        self._held.append(piece)
        self._size += len(piece)
        self._come.set()
        if self._size >= ROOM:
            self._hurry.set()
        while self._size >= ROOM:
            await self._room.wait()

    async def _tell_on(self) -> None:
        """Tell what has come, rest while more comes, until the source has ended."""
        while True:
            await self._come.wait()
            if self._has_ended:
                return
            self._come, self._hurry = anyio.Event(), anyio.Event()
            await self._tell_held()
            with anyio.move_on_after(self._every_s):
                await self._hurry.wait()

    async def _tell_held(self) -> None:
        async with self._telling:  # in the order in which they came
            if not self._held:
                return
            piece = Piece("".join(self._held), self._is_begun, is_last=False)
            self._held.clear()
            self._size, self._is_begun = 0, True
            room, self._room = self._room, anyio.Event()
            room.set()
            await self._tell(piece)

    def _wrong(self, rule: str) -> LocalError:
        return LocalError(f"stream {self._name}: {rule}")
