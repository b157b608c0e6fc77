"""What one run asks of its caller: put, waited for, and taken back when nobody waits any more.

An ask is found again by a key that names it, what it asks and how often it was taken back. One that
has a time limit keeps it in the journal, by the store's clock; that it ran out is stored together
with the withdrawal, so an agent that is run again finds the same end, however late an answer came.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Final

import anyio
import orjson

from interloom.runtime.core import decide, questions
from interloom.runtime.core.decide import Decision
from interloom.runtime.core.questions import Question, Response
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.engine.run import Run
from interloom.runtime.engine.tasks import Store
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.rows import PutStep, Write
from interloom.runtime.values import Clock

_DIGEST: Final = "~"
"""Stands between the key of an ask and the digest of what is asked."""


class Overdue(Exception):
    """No answer came in time."""


class Asking:
    """The asks of one run."""

    def __init__(self, run: Run, store: Store, clock: Clock) -> None:
        self._run, self._store, self._clock = run, store, clock
        self._withdrawn: set[str] = set()  # by this run
        cut = (each.rpartition(_DIGEST) for each in run.event_ids)
        self._digests = {name: digest[:8] for name, _, digest in cut}  # of what earlier runs asked

    async def ask(
        self, name: str, asked: Sequence[Question], *more: Write, within_s: float = inf
    ) -> tuple[Response, ...]:
        """Put questions and wait for the answers; see `TaskContext.ask`.

        Args:
            name: Names the ask.
            asked: The questions; nothing of the task is on its way to the store.
            more: Rows to be stored together with the question.
            within_s: Seconds until nobody waits any more.

        Raises:
            Overdue: They are over, or were when the code ran before.
            LocalError: An earlier run asked something else under this name.
        """
        key = self._key(name, asked)
        try:
            if key not in self._run.signals and key not in self._run.event_ids:
                with anyio.CancelScope(shield=True):  # half asked could not be withdrawn
                    await self._put(key, asked, more)
            return load_signal(await self._run.wait(key, within_s=within_s))
        except TimeoutError:
            end = PutStep(self._run.live.record.id, _overdue(key), b"true")
            if await self._withdraw(key, end):
                self._run.steps[end.key] = end.result
                raise Overdue from None
            return load_signal(await self._run.wait(key))  # it is stored, and on its way to us
        except anyio.get_cancelled_exc_class():
            if self._run.ending is None:  # else the question outlives this run
                await self._withdraw(key)
            raise

    async def _put(self, key: str, asked: Sequence[Question], more: tuple[Write, ...]) -> None:
        await self._store(
            lambda record: (decide.ask(record, key, asked, now=self._clock.now()), more)
        )

    def _key(self, name: str, asked: Sequence[Question]) -> str:
        """The key of an ask: with what it asks, and how often it was withdrawn before."""
        digest = questions.digest(asked)
        if self._digests.get(name, digest) != digest:
            raise LocalError(
                f"{name}: another question than when the agent ran before; its code must ask the"
                " same, in the same order, each time it is run"
            )
        first = key = f"{name}{_DIGEST}{digest}"
        again = 1
        while key in self._withdrawn or _withdrawal(key) in self._run.event_ids:
            if _overdue(key) in self._run.steps:
                raise Overdue
            again += 1
            key = f"{first}/{again}"
        return key

    async def _withdraw(self, key: str, *more: Write) -> bool:
        """Take a question back, and store rows with that; False where it is not open any more."""
        event_id, is_open = _withdrawal(key), False

        def withdraw(record: TaskRecord) -> tuple[Decision, tuple[Write, ...]]:
            nonlocal is_open
            decision = decide.withdraw(record, key, event_id=event_id, now=self._clock.now())
            is_open = bool(decision.events)
            return decision, more if is_open else ()

        with anyio.CancelScope(shield=True), self._run.busy():
            await self._store(withdraw)
        self._withdrawn.add(key)
        return is_open


def _withdrawal(key: str) -> str:
    """The id of the event that withdraws an ask."""
    return f"withdrawn/{key}"


def _overdue(key: str) -> str:
    """The step that says that an ask ended without an answer."""
    return f"overdue/{key}"


def dump_signal(responses: Sequence[Response]) -> bytes:
    """Responses as the ledger keeps them: a JSON list in the order of the questions."""
    return orjson.dumps([questions.dump_response(each) for each in responses])


def load_signal(value: bytes) -> tuple[Response, ...]:
    """The reverse of `dump_signal`."""
    return tuple(questions.load_response(each) for each in orjson.loads(value))
