"""Stores that several processes serve, and what only somebody who looks into them can do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg

from interloom.runtime.ledger import absurd
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.sqlite import SqliteLedger


class Place(Protocol):
    """Where a store is.

    Attributes:
        long_lease_s: A lease that no test waits for, unless the store tells death by nothing else.
    """

    long_lease_s: float

    def opened(self, *, lease_s: float) -> Ledger:
        """A process's connections of its own."""
        ...

    def workers(self) -> list[str]:
        """Who has joined."""
        ...

    def forget_workers(self) -> None:
        """Take everybody for dead, and leave their runs alone."""
        ...

    def end_leases(self) -> None:
        """Take everybody for dead, as others do once a lease is over."""
        ...


class FilePlace:
    """A SQLite file: the kernel tells who is dead."""

    long_lease_s = 3600.0

    def __init__(self, path: Path) -> None:
        self._path = path

    def opened(self, *, lease_s: float) -> Ledger:
        return SqliteLedger(self._path, lease_s=lease_s)

    def _run(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            return connection.execute(sql).fetchall()

    def workers(self) -> list[str]:
        return [name for (name,) in self._run("SELECT name FROM worker")]

    def forget_workers(self) -> None:
        self._run("DELETE FROM worker")

    def end_leases(self) -> None:
        self.forget_workers()
        self._run("UPDATE run SET worker = NULL")


class ServerPlace:
    """A PostgreSQL database: only a lease tells."""

    long_lease_s = 1.0

    def __init__(self, url: str) -> None:
        self._url = url

    def opened(self, *, lease_s: float) -> Ledger:
        return PostgresLedger(self._url, lease_s=lease_s)

    def _run(self, statement: str) -> list[Any]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def workers(self) -> list[str]:
        return [name for (name,) in self._run("SELECT name FROM interloom.worker")]

    def forget_workers(self) -> None:
        self._run("DELETE FROM interloom.worker")

    def end_leases(self) -> None:
        self.forget_workers()
        self._run("UPDATE interloom.run SET worker = NULL")
        for (queue,) in self._run("SELECT DISTINCT queue FROM interloom.run"):
            assert queue.startswith(absurd.QUEUES)
            ends = "claim_expires_at = now() - interval '1 s' WHERE state = 'running'"
            self._run(f'UPDATE absurd."r_{queue}" SET {ends}')  # noqa: S608 - in a test
