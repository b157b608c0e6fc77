"""The file of a SQLite store: how it is opened, made, and brought up to date."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, TypeAlias

from interloom.runtime.errors import BadConfig, Unavailable

APPLICATION_ID: Final = 0x17E2_100A
"""Marks a database file as ours (`PRAGMA application_id`)."""
SCHEMA: Final = tuple(
    sorted(
        (file for file in files("interloom.runtime.ledger").joinpath("schema", "sqlite").iterdir()),
        key=lambda file: file.name,
    )
)
"""The scripts that make the tables, each on top of the ones before; a new file begins with none."""
SCHEMA_VERSION: Final = len(SCHEMA)
"""How many of them a file has had (`PRAGMA user_version`)."""
NOW_MS: Final = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
"""SQL for milliseconds since the epoch, on SQLite's clock; unlike `now_ms`, it needs no thread's
turn at Python in the middle of a statement."""
LAST_EVENT: Final = "SELECT coalesce(max(rowid), 0) FROM event"
"""A query for how many events were stored so far."""

Durability: TypeAlias = Literal["full", "normal"]
"""`full`: on disk before the answer. `normal`: a power cut may lose the last moments."""


def now_ms() -> int:
    """As the database has it: the clock of this host."""
    return time.time_ns() // 1_000_000


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection, for whichever thread."""
    # isolation_level None: transactions begin where we say so.
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """How many scripts a file has had; 0 for a new one.

    Raises:
        BadConfig: The file is somebody else's, or a newer version's.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise BadConfig(f"{path}: is a database, but not a store of Interloom")
    if version > SCHEMA_VERSION or (tables and version < 1):
        raise BadConfig(f"{path}: has schema {version}; this version reads schema {SCHEMA_VERSION}")
    return int(version)


def prepare(connection: sqlite3.Connection, path: Path, durability: Durability) -> None:
    """Make the tables, or bring them up to date; by one process at a time.

    Raises:
        BadConfig: As for `version_of`.
    """
    version = version_of(connection, path)
    # Only now, and outside of a transaction: it changes the file, which may be somebody else's.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {durability}")
    for number, script in enumerate(SCHEMA[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script.read_text('utf-8')}"
            f" PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
        )


def look_over(connection: sqlite3.Connection, path: Path) -> None:
    """Read a row of every table: damage where one begins is told at the start, not to a caller.

    Raises:
        BadConfig: Tables or columns are missing.
        sqlite3.Error: A table cannot be read.
    """
    found, expected = _shape_of(connection), _shape()
    missing = expected.keys() - found
    for name in expected.keys() & found:
        missing |= {f"{name}.{column}" for column in expected[name] - found[name]}
    if missing:
        raise BadConfig(f"{path}: is damaged: it is without {', '.join(sorted(missing))}")
    for name in found:
        connection.execute(f'SELECT * FROM "{name}" LIMIT 1').fetchall()  # noqa: S608 - our tables


@cache
def _shape() -> Mapping[str, frozenset[str]]:
    """What the scripts make."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in SCHEMA:
            connection.executescript(script.read_text("utf-8"))
        return _shape_of(connection)


def _shape_of(connection: sqlite3.Connection) -> Mapping[str, frozenset[str]]:
    """The tables of a database, and their columns."""
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    columns = "SELECT name FROM pragma_table_info(?)"
    return {
        table: frozenset(name for (name,) in connection.execute(columns, (table,)))
        for (table,) in tables
    }


@contextmanager
def readable() -> Generator[None]:
    """Say that the store cannot be read, whatever SQLite's words for it are."""
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable("the store cannot be read") from error
