"""Commits to PostgreSQL, through restarts of the server, each exactly once.

A group begins by locking the rows of the tasks it is about, in the order of their ids: whoever
wants them waits before it has written anything, and nobody waits in a circle. The same statement
counts the commit in a row of this process; when the connection is lost while a commit is on its
way, that row says afterwards whether it took place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import psycopg
from psycopg import errors

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.connection import Connection
from interloom.runtime.ledger.postgres_connection import Session, connect, reason
from interloom.runtime.ledger.postgres_schema import LOCK
from interloom.runtime.ledger.writer import Away
from interloom.runtime.telemetry.log import logger

log = logger("ledger")

PATIENCE_S: Final = 20.0
"""Seconds a transaction waits for a server that is away, from when it was handed over."""
SLOTS: Final = 64
"""Processes that count tasks in rows of their own; further ones share a row."""

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_AGAIN: Final = (errors.DeadlockDetected, errors.SerializationFailure)
_BEYOND: Final = (psycopg.DataError, errors.ProgramLimitExceeded)
"""What the database says of values that it cannot hold."""

_BEGIN: Final = (
    "WITH counted AS (INSERT INTO writer (commits, name, at_ms) VALUES (?, ?, now_ms())"
    " ON CONFLICT (name) DO UPDATE SET commits = excluded.commits, at_ms = excluded.at_ms)"
    " SELECT 1 FROM task WHERE id = ANY(?) ORDER BY id FOR UPDATE"
)
_SIGN_IN: Final = (
    "INSERT INTO writer (name, commits, at_ms) VALUES (?, 0, now_ms()) ON CONFLICT DO NOTHING"
)
_FORGET: Final = "DELETE FROM writer WHERE at_ms < now_ms() - 86400000"
_SLOT: Final = (
    "SELECT set_config('interloom.slot', coalesce((SELECT slot FROM generate_series(1, ?) AS slot"
    " WHERE pg_try_advisory_lock(?, slot) LIMIT 1), 0)::text, false)"
)

Work: TypeAlias = Callable[[Connection], None]


@dataclass(slots=True)
class Transaction:
    """Some rows to be written.

    Attributes:
        work: Writes them; raises an error of ours to have none of them written. It may be called
            again after it was rolled back.
        tasks: Ids of the tasks whose rows it needs to itself.
        since: When it was handed over, on the monotonic clock.
    """

    work: Work
    tasks: tuple[str, ...] = ()
    since: float = field(default_factory=time.monotonic)


class PostgresCommitter:
    """Commits on a connection of its own, in the writer's thread.

    Attributes:
        url: Where it connects to.
    """

    def __init__(self, url: str, name: str, session: Session) -> None:
        """Sign in.

        Args:
            url: Where to connect to again.
            name: Names this process in `writer`; unique among all there ever were.
            session: The first connection.
        """
        self.url, self._name = url, name
        self._commits = 0
        self._doubt: int | None = None  # a commit of which it is not known whether it took place
        self._closing = threading.Event()
        self._worker = self._told = ""
        self._session = session
        session.execute(_FORGET)
        self._sign_in(session)

    def work_as(self, worker: str) -> None:
        """What `me()` is from the next transaction on; from any thread."""
        self._worker = worker

    def write(self, group: Sequence[Transaction]) -> None:
        """Write all of them in one commit, or none; waits for a server that is away.

        Raises:
            Away: It stays away, or does not say what became of a commit.
        """
        self._commits += 1
        until = min(each.since for each in group) + PATIENCE_S
        is_told, pause_s = False, _FIRST_PAUSE_S
        while True:
            try:
                if self._is_settled():
                    return
                self._attempt(group)
            except psycopg.Error as error:
                is_away = self._session.is_lost or self._doubt is not None
                if not is_away and (len(group) > 1 or not isinstance(error, _AGAIN)):
                    raise
                if time.monotonic() > until or self._closing.is_set():
                    raise Away from error
                if self._session.is_lost and not is_told:
                    is_told = True
                    log.warning("store.lost", reason=reason(error, self.url))
                self._closing.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                return

    def _is_settled(self) -> bool:
        """Connect where that is needed, and learn of a commit in doubt: whether it is this one."""
        if self._session.is_lost:
            self._connect()
        if self._doubt is None:
            return False
        stored = self._last_commit()
        doubt, self._doubt = self._doubt, None
        return stored == doubt == self._commits

    def _attempt(self, group: Sequence[Transaction]) -> None:
        session = self._session
        if self._told != self._worker:
            worker = self._worker
            session.execute("SELECT set_config('interloom.worker', ?, false)", (worker,))
            self._told = worker
        tasks = list({task for each in group for task in each.tasks})
        try:
            session.execute("BEGIN")
            session.execute(_BEGIN, (self._commits, self._name, tasks))
            for each in group:
                each.work(session)
            session.execute("COMMIT")
        except BaseException:
            with suppress(psycopg.Error):
                session.execute("ROLLBACK")
            if session.is_lost:
                self._doubt = self._commits
            raise

    def _connect(self) -> None:
        self._session.close()
        session = connect(self.url)
        try:
            self._sign_in(session)
        except BaseException:
            session.close()
            raise
        self._session, self._told = session, ""
        log.info("store.found")

    def _sign_in(self, session: Session) -> None:
        session.execute(_SLOT, (SLOTS, LOCK))
        session.execute(_SIGN_IN, (self._name,))

    def _last_commit(self) -> int | None:
        """The number of the last commit that took place; waits for one that still is on its way."""
        row = self._session.execute(
            "SELECT commits FROM writer WHERE name = ? FOR UPDATE", (self._name,)
        ).fetchone()
        return None if row is None else int(row[0])

    def refusal(self, error: Exception) -> Unavailable | None:
        """Say that the server takes no writes, whatever its words for it are."""
        is_trouble = isinstance(error, psycopg.Error) and not isinstance(error, _BEYOND)
        return Unavailable("the store does not take writes") if is_trouble else None

    def give_up(self) -> None:
        """Wait for the server no more; from any thread."""
        self._closing.set()

    def close(self) -> None:
        """Let go of the connection, after the last write."""
        with suppress(psycopg.Error):
            self._session.execute("DELETE FROM writer WHERE name = ?", (self._name,))
        self._session.close()
