"""What one run gives its caller: artifacts whole, in chunks, or as text while it is made.

A run that is begun again gives nothing twice, for an event is known by its id. A text that is being
made is different: it was interrupted, and its source makes another one now. That takes the place
of the half that the caller has, from its first piece; and so does, after it, all that was given
under the same name before. Else the caller would be left with what nobody meant last.

Source: A2A 1.0.1 section 4.2.2 (`append`, `lastChunk`); what comes again is ours (decision 0033).
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Generator
from contextlib import contextmanager

import orjson

from interloom.runtime.core import decide
from interloom.runtime.core.decide import Decision
from interloom.runtime.core.record import Chunk, Product, TaskRecord
from interloom.runtime.engine.run import Run
from interloom.runtime.engine.streaming import Piece, Streaming
from interloom.runtime.engine.tasks import Store
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.rows import PutStep, Write
from interloom.runtime.model import Artifact, Part


class Artifacts:
    """The artifacts of one run."""

    def __init__(self, run: Run, store: Store) -> None:
        self._run, self._store = run, store
        self._anew: set[str] = set()  # of which a piece was told that takes the place of others
        self._under_way: set[str] = set()
        self._numbers: dict[str, int] = {}

    async def give(self, event_id: str, product: Product, *, append: bool, is_last: bool) -> None:
        """Give an artifact or a chunk of one; see `TaskContext.artifact`."""
        is_known = event_id in self._run.event_ids
        if is_known and product.artifact_id not in self._anew:
            return
        event_id = self._next(event_id) if is_known else event_id
        chunk = Chunk(product.artifact_id, append, is_last)
        await self._put(event_id, product, chunk, is_progress=not is_known)

    async def stream(self, key: str, name: str, source: Callable[[], AsyncIterable[str]]) -> str:
        """Give text while it is being made; see `TaskContext.stream`."""
        done = self._run.steps.get(key)
        if done is not None:
            whole: str = orjson.loads(done)
            if name in self._anew:
                await self._tell(key, name, Piece(whole, append=False, is_last=True))
            return whole
        with self._alone(name):
            streaming = Streaming(name, lambda piece: self._tell(key, name, piece))
            whole = await streaming.pass_on(source())
            done = orjson.dumps(whole)
            step = PutStep(self._run.live.record.id, key, done)
            await self._tell(key, name, streaming.last(), step)
        self._run.steps[key] = done
        return whole

    @contextmanager
    def _alone(self, name: str) -> Generator[None]:
        if name in self._under_way:
            raise LocalError(f"stream {name}: another text of this name is being told")
        self._under_way.add(name)
        try:
            yield
        finally:
            self._under_way.discard(name)

    async def _tell(self, key: str, name: str, piece: Piece, *more: Write) -> None:
        """Store a piece; only with the step it gets the run any further."""
        self._anew.add(name)
        part = Part(text=piece.text)
        product = Product.of(Artifact(artifact_id=name, name=name, parts=(part,)))
        chunk = Chunk(name, piece.append, piece.is_last)
        await self._put(self._next(key), product, chunk, *more, is_progress=bool(more))

    async def _put(
        self, event_id: str, product: Product, chunk: Chunk, *more: Write, is_progress: bool
    ) -> None:
        def giving(record: TaskRecord) -> tuple[Decision, tuple[Write, ...]]:
            decision = decide.produce(
                record, product, event_id=event_id, append=chunk.append, last_chunk=chunk.last
            )
            return decision, more

        await self._store(giving, is_progress=is_progress)

    def _next(self, key: str) -> str:
        """An id below `key` that no event of this run or an earlier one has."""
        known = self._numbers.get(key)
        if known is None:
            known = sum(each.startswith(f"{key}/") for each in self._run.event_ids)
        self._numbers[key] = known + 1
        return f"{key}/{known + 1}"
