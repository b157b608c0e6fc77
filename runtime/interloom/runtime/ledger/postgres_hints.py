"""What processes tell each other through PostgreSQL: that there is something to look at.

A hint is sent after the commit it is about and not with it: a transaction that notifies holds up
all others while it is flushed to disk. So a hint may be lost, and what is told is only where to
look. Who listens also looks by itself every two seconds: that is the most that a lost hint costs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Final

import anyio
import orjson
import psycopg
from pydantic import BaseModel, ValidationError

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger import queries, run_statements
from interloom.runtime.ledger.postgres_connection import Session, arguments, connect
from interloom.runtime.telemetry.log import logger

log = logger("ledger")

POLL_S: Final = 2.0
"""Seconds between two looks at everything of interest, told or not."""
GATHER_S: Final = 0.01
"""Seconds in which hints are gathered after one was sent."""
SPARE_S: Final = 0.04
"""Seconds a process has to claim a run that it stored, before others are told of it."""
MAX_BYTES: Final = 7900
"""Of a hint; PostgreSQL takes less than 8000."""
_CHANNEL: Final = "interloom"
_PAUSES_S: Final = (0.1, POLL_S)
"""Seconds before the connection to listen on is opened again: the first, the longest."""

_TELL: Final = "SELECT pg_notify('interloom', ?)"
_TELL_OF_RUNS: Final = f"{_TELL} WHERE EXISTS ({run_statements.FREE})"
_SEQS: Final = "SELECT id, seq FROM task WHERE id = ANY(?)"


@dataclass(slots=True)
class Hint:
    """Where to look.

    Attributes:
        tasks: Numbers of the last events by task.
        runs: There may be runs to claim.
        posts: There may be posts that are nobody's.
    """

    tasks: dict[str, int] = field(default_factory=dict[str, int])
    runs: bool = False
    posts: bool = False

    def add(self, other: Hint) -> None:
        """Take in another one, which is later."""
        self.tasks |= other.tasks
        self.runs |= other.runs
        self.posts |= other.posts

    def dump(self, by: str) -> str:
        """As it is sent; when it is too long it says to look at everything."""
        told = orjson.dumps({"by": by, "tasks": self.tasks, "posts": self.posts})
        if len(told) > MAX_BYTES:
            told = orjson.dumps({"by": by, "tasks": None, "posts": True})
        return told.decode()


class Told(BaseModel):
    """A hint as it arrives, from whoever may connect to the database.

    Attributes:
        by: Who sent it.
        tasks: Numbers of the last events by task; None for all that is of interest.
        runs: There may be runs to claim.
        posts: There may be posts that are nobody's.
    """

    by: str
    tasks: dict[str, int] | None = {}
    runs: bool = False
    posts: bool = False


_EVERYTHING: Final = Told(by="", tasks=None, runs=True, posts=True)


def heard(payload: str) -> Told:
    """What a notification says; to look at everything when it is none of ours."""
    try:
        return Told.model_validate_json(payload)
    except ValidationError:
        return _EVERYTHING


class Teller:
    """Sends hints from a thread and on a connection of its own."""

    def __init__(self, url: str, name: str) -> None:
        """Prepare to send; the thread begins with the first hint.

        Args:
            url: Where to connect to.
            name: Names this process to itself, which needs no hints of its own.
        """
        self._url, self._name = url, name
        self._queue: SimpleQueue[Hint | None] = SimpleQueue()
        self._closing = threading.Event()
        self._session: Session | None = None
        self._thread: threading.Thread | None = None

    def tell(self, hint: Hint) -> None:
        """Send a hint soon, with others; does not wait."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="interloom-hints", daemon=True)
            self._thread.start()
        self._queue.put(hint)

    def close(self) -> None:
        """Send nothing more."""
        self._closing.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()
        if self._session is not None:
            self._session.close()

    def _work(self) -> None:
        runs_at: float | None = None
        while not self._closing.is_set():
            hint = self._gathered(runs_at)
            if hint is None:
                continue
            now = time.monotonic()
            if hint.runs and runs_at is None:
                runs_at = now + SPARE_S
            if hint.tasks or hint.posts:
                self._send(_TELL, hint.dump(self._name))
            if runs_at is not None and runs_at <= now:
                runs_at = None
                self._send(_TELL_OF_RUNS, orjson.dumps({"by": self._name, "runs": True}).decode())
            self._closing.wait(GATHER_S)

    def _gathered(self, runs_at: float | None) -> Hint | None:
        """All hints there are, at least one unless it is time to tell of runs; None at the end."""
        hint = Hint()
        patience_s = None if runs_at is None else max(0.0, runs_at - time.monotonic())
        with suppress(Empty):
            found = self._queue.get(timeout=patience_s)
            while found is not None:
                hint.add(found)
                found = self._queue.get_nowait()
            return None
        return hint

    def _send(self, sql: str, told: str) -> None:
        try:
            if self._session is None or self._session.is_lost:
                self._session = connect(self._url)
                self._session.execute("SET synchronous_commit = off")  # nothing of it is to last
            self._session.execute(sql, (told,))
        except psycopg.Error as error:
            log.warning("hint.lost", error=type(error).__name__)


Read = Callable[[str, tuple[Any, ...]], Awaitable[list[Any]]]
"""Reads all rows of a query."""


class Listener:
    """Hears what others tell, and looks by itself in between."""

    def __init__(self, url: str, name: str, read: Read) -> None:
        """Prepare to listen.

        Args:
            url: Where to connect to.
            name: What this process sends its own hints as.
            read: Reads what is of interest.
        """
        self._url, self._name, self._read = url, name, read

    async def changes(
        self, held: Callable[[], Collection[str]], free: Callable[[], None], due: Callable[[], None]
    ) -> AsyncGenerator[Mapping[str, int]]:
        """Tasks that moved, and the numbers of their last events, for ever.

        Args:
            held: Gives the tasks that are of interest.
            free: Called when there may be runs to claim.
            due: Called when there are posts that are nobody's.
        """
        pause_s, longest_s = _PAUSES_S
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    **arguments(self._url), autocommit=True
                )
                try:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    pause_s = _PAUSES_S[0]
                    while True:
                        yield await self._look(held, due)
                        async for note in connection.notifies(timeout=POLL_S):
                            told = heard(note.payload)
                            if told.by == self._name:
                                continue
                            if told.runs:
                                free()
                            if told.posts:
                                await self._look_for_posts(due)
                            tasks = told.tasks
                            yield await self._look(held, due) if tasks is None else tasks
                finally:
                    await connection.close()
            except psycopg.Error as error:
                log.warning("hints.lost", error=type(error).__name__)
            yield await self._look(held, due)
            await anyio.sleep(pause_s)
            pause_s = min(2 * pause_s, longest_s)

    async def _look(
        self, held: Callable[[], Collection[str]], due: Callable[[], None]
    ) -> Mapping[str, int]:
        """How far what is of interest has come, nobody having told."""
        task_ids = list(held())
        try:
            await self._look_for_posts(due)
            return dict(await self._read(_SEQS, (task_ids,))) if task_ids else {}
        except Unavailable:
            return {}

    async def _look_for_posts(self, due: Callable[[], None]) -> None:
        with suppress(Unavailable):
            if await self._read(queries.FREE, ()):
                due()
