"""The embedded engine on PostgreSQL; needs the extra `postgres`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Final

import anyio
from psycopg import sql

from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.port import Engine
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.postgres_connection import connect
from interloom.runtime.ledger.run_statements import disown
from interloom.runtime.testing.engine_house import Settings
from interloom.runtime.testing.engine_installations import embedded

LEASE_S: Final = 1
"""The shortest there is."""

_RUN_OUT: Final = sql.SQL(
    "UPDATE {} SET claim_expires_at = now() - interval '1 s' WHERE run_id = %s"
)


class PostgresInstallation:
    """A database, which processes of several hosts share."""

    is_shared = True

    def __init__(self, url: str, *, lease_s: float = LEASE_S) -> None:
        """Open nothing yet.

        Args:
            url: Of an empty database.
            lease_s: Seconds after which a process that was killed is taken for dead.
        """
        self._url, self._lease_s = url, lease_s

    async def open(self) -> Ledger:
        """The database, with connections of the process's own."""
        return PostgresLedger(self._url, lease_s=self._lease_s)

    def engine(self, tasks: Tasks, agents: Mapping[str, Agent], settings: Settings) -> Engine:
        """The engine of a process."""
        return embedded(tasks, agents, settings)

    async def take_for_dead(self, worker: str) -> None:
        """Delete its row, and have its leases run out now."""
        with closing(connect(self._url)) as session, session.raw.transaction():
            held = session.execute("SELECT queue, absurd_run FROM run WHERE worker = ?", (worker,))
            for queue, absurd_run in held.fetchall():
                leases = sql.Identifier("absurd", f"r_{queue}")
                session.raw.execute(_RUN_OUT.format(leases), (absurd_run,))
            session.execute("DELETE FROM worker WHERE name = ?", (worker,))
            disown(session, worker)

    async def let_pass(self, seconds: float) -> None:
        """Wait: the time is the database's."""
        await anyio.sleep(seconds)
