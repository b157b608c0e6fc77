"""One thread that writes, and commits for everybody who came meanwhile.

A commit to disk costs the same for one transaction as for fifty, so while one is on its way to
the disk the next ones gather and go together. The order of `submit` calls is kept.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - a thread wakes the loop, which anyio has no cheap word for
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Generic, Protocol, TypeVar

from interloom.runtime.errors import InterloomError, LocalError, Unavailable

Transaction = TypeVar("Transaction")
"""Whatever the store's committer can write."""
Work_contra = TypeVar("Work_contra", contravariant=True)

MAX_GROUP: Final = 256
"""Transactions to one commit: bounds what a power cut makes people wait for again."""


class Away(Exception):
    """The store cannot be reached, and may or may not have what was on its way to it."""


class Committer(Protocol[Work_contra]):
    """How transactions get into one store. Both methods are called in the writer's thread."""

    def write(self, group: Sequence[Work_contra], /) -> None:
        """Write all of them in one commit; what else it raises says that none was written.

        Raises:
            Away: What became of them is not known; to write them singly could write some twice.
        """
        ...

    def refusal(self, error: Exception, /) -> Unavailable | None:
        """What a caller is told of an error of the database; None for any other."""
        ...


@dataclass(slots=True)
class _Entry(Generic[Transaction]):
    write: Transaction
    done: asyncio.Future[None]
    problem: InterloomError | None = None


class GroupWriter(Generic[Transaction]):
    """Runs transactions in one thread, in order, many to a commit."""

    def __init__(self, committer: Committer[Transaction]) -> None:
        self._committer = committer
        self._queue: SimpleQueue[_Entry[Transaction] | None] = SimpleQueue()
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="interloom-ledger", daemon=True)
        self._thread.start()

    def submit(self, write: Transaction) -> asyncio.Future[None]:
        """Queue a transaction; the future is done when its commit is on disk.

        Raises:
            Unavailable: The writer is closed.
        """
        if self._closed:
            raise Unavailable("the store is closed")
        entry = _Entry(write, self._loop.create_future())
        self._queue.put(entry)
        return entry.done

    def close(self) -> None:
        """Write what is queued, then end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    def _work(self) -> None:
        going = True
        while going:
            group: list[_Entry[Transaction]] = []
            entry = self._queue.get()
            while entry is not None:
                group.append(entry)
                if len(group) == MAX_GROUP:
                    break
                try:
                    entry = self._queue.get_nowait()
                except Empty:
                    break
            going = entry is not None
            self._write(group)
            with suppress(RuntimeError):  # the loop is gone; so is everybody who waited
                self._loop.call_soon_threadsafe(_resolve, group)

    def _write(self, group: list[_Entry[Transaction]]) -> None:
        if group and not self._together(group) and len(group) > 1:
            for entry in group:
                self._together([entry])

    def _together(self, group: list[_Entry[Transaction]]) -> bool:
        """Write a group in one commit; False when one of them cannot be written, so none was."""
        try:
            self._committer.write([entry.write for entry in group])
        except Away as away:
            for entry in group:
                entry.problem = Unavailable("the store does not take writes")
                entry.problem.__cause__ = away
        except Exception as error:  # noqa: BLE001 - whatever it is, this thread has to live on
            if len(group) == 1:
                group[0].problem = self._refusal(error)
            return False
        return True

    def _refusal(self, error: Exception) -> InterloomError:
        if isinstance(error, InterloomError):
            return error
        # What no database holds: lone surrogates, whole numbers beyond 64 bits.
        beyond = LocalError("the store cannot hold what is to be written")
        refusal = self._committer.refusal(error) or beyond
        refusal.__cause__ = error
        return refusal


async def outcome(done: asyncio.Future[None]) -> None:
    """Wait until it is known whether a commit took place, however often the waiter is cancelled.

    A cancellation of the task itself passes through a shielded scope. It is put off: the waiter
    gets the outcome first, and the cancellation at the next thing it waits for.

    Raises:
        InterloomError: What `submit`'s transaction was refused with.
    """
    put_off = False
    try:
        while not done.done():
            try:
                await asyncio.shield(done)
            except asyncio.CancelledError:
                put_off = True
        done.result()
    finally:  # a refusal comes out of the wait itself, and must not eat the cancellation
        task = asyncio.current_task()
        if put_off and task is not None:
            task.uncancel()
            task.cancel()


def _resolve(group: list[_Entry[Transaction]]) -> None:
    for entry in group:
        if entry.done.cancelled():
            continue
        if entry.problem is None:
            entry.done.set_result(None)
        else:
            entry.done.set_exception(entry.problem)
