"""Text that the caller gets while it is being made, say by a model.

A model gives a word at a time, and an event costs a commit and a line of every stream. So pieces
are put together: the first goes out at once, then whatever has come, some ten times a second.

The whole is a step. Begun again before it was complete, the source is asked anew, and its first
piece takes the place of everything the caller had: two halves of two texts would be neither.

Source: A2A 1.0.1 section 4.2.2 (chunks of an artifact); pieces put together are ours.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from typing import Final, cast

import anyio
import orjson

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Decision
from interloom.runtime.core.record import Product, TaskRecord
from interloom.runtime.engine.asking import Store
from interloom.runtime.engine.run import Run
from interloom.runtime.engine.side_by_side import side_by_side
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.rows import PutStep, Write
from interloom.runtime.model import Artifact, Part

EVERY_S: Final = 0.08
"""Seconds between two events of one text; ours: a reader sees it flow, a store hardly notices."""
ROOM: Final = 64 * 1024
"""Characters that may wait for the store; then the source waits, too."""


class Streaming:
    """One text on its way from its source to the caller.

    Args:
        run: The run that makes it.
        store: Stores a piece.
        key: Names the step, and its events.
        artifact: Names the artifact.
    """

    def __init__(self, run: Run, store: Store, key: str, artifact: str) -> None:
        self._run, self._store, self._key, self._artifact = run, store, key, artifact
        self._text, self._held, self._size = list[str](), list[str](), 0
        self._come, self._gone, self._ended = anyio.Event(), anyio.Event(), anyio.Event()
        self._is_begun = False
        # Of earlier runs, that got as far as they got; an event is stored under one id once.
        self._number = sum(each.startswith(f"{key}/") for each in run.event_ids)

    async def pass_on(self, source: AsyncIterable[str]) -> bytes:
        """Pass everything on; on return the whole is stored, and the step with it.

        Returns:
            The whole text, as JSON.

        Raises:
            LocalError: A piece is no text.
            IllegalMove: The task is over.
        """
        closing: AbstractAsyncContextManager[object] = nullcontext()
        if isinstance(source, AsyncGenerator):
            closing = aclosing(cast("AsyncGenerator[str]", source))
        async with side_by_side() as group, closing:
            group.start_soon(self._tell)
            async for piece in source:
                await self._take(piece)
            self._ended.set()
            self._come.set()
        whole = orjson.dumps("".join(self._text))
        await self._put(PutStep(self._run.live.record.id, self._key, whole), is_last=True)
        return whole

    async def _take(self, piece: object) -> None:
        if not isinstance(piece, str):  # an author's mistake, whatever was declared
            raise self._wrong(f"must be text, not {type(piece).__name__}")
        try:
            orjson.dumps(piece)
        except orjson.JSONEncodeError as error:
            raise self._wrong(f"cannot be sent: {error}") from None
        self._text.append(piece)
        self._held.append(piece)
        self._size += len(piece)
        self._come.set()
        while self._size >= ROOM:
            await self._gone.wait()

    async def _tell(self) -> None:
        """Put what has come, and let some more come, until the source has ended."""
        while True:
            await self._come.wait()
            if self._ended.is_set():
                return
            self._come = anyio.Event()
            await self._put()
            with anyio.move_on_after(EVERY_S):
                await self._ended.wait()

    async def _put(self, *more: Write, is_last: bool = False) -> None:
        """Store what is held as an event; the last one together with the step."""
        part = Part(text="".join(self._held))
        product = Product.of(
            Artifact(artifact_id=self._artifact, name=self._artifact, parts=(part,))
        )
        self._held.clear()
        self._size = 0
        gone, self._gone = self._gone, anyio.Event()
        gone.set()
        append, self._is_begun = self._is_begun, True
        self._number += 1
        event_id = f"{self._key}/{self._number}"

        def piece(record: TaskRecord) -> tuple[Decision, tuple[Write, ...]]:
            decision = decide.produce(
                record, product, event_id=event_id, append=append, last_chunk=is_last
            )
            return decision, more

        await self._store(piece)

    def _wrong(self, rule: str) -> LocalError:
        return LocalError(f"stream {self._artifact}: a piece {rule}")
