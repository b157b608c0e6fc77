"""A SQLite store seen from outside, while others serve it or nobody does."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.errors import BadConfig, NoStore
from interloom.runtime.ledger.overview import Overview, dead_letters, overview
from interloom.runtime.ledger.sqlite_file import (
    LAST_EVENT,
    NOW_MS,
    SCHEMA_VERSION,
    readable,
    version_of,
)

_BESIDE: Final = ("", "-wal")


class SqliteInspector:
    """See `Inspector`."""

    kind = "sqlite"
    current = SCHEMA_VERSION

    def __init__(self, path: Path) -> None:
        """Open a file that is there.

        Raises:
            NoStore: It is not.
            BadConfig: It is no store of ours, or a newer version's.
        """
        self._path, self.place = path, str(path)
        if not path.exists():
            raise NoStore(f"{path}: there is no such store")
        with ExitStack() as undo:
            try:
                opened = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
                self._connection = undo.enter_context(closing(opened))
                self.version = version_of(opened, path)
            except sqlite3.Error as error:
                raise BadConfig(f"{path}: cannot be opened as a store: {error}") from None
            undo.pop_all()

    def size_bytes(self) -> int:
        """The file, and what is on its way into it."""
        size = 0
        for suffix in _BESIDE:
            with suppress(FileNotFoundError):
                size += self._path.with_name(self._path.name + suffix).stat().st_size
        return size

    def overview(self) -> Overview:
        """What it holds now; see `Inspector.overview`."""
        with readable():
            return overview(self._connection, now=NOW_MS, events=LAST_EVENT)

    def undelivered(self, limit: int) -> list[Undelivered]:
        """Its dead letters, the latest first."""
        with readable():
            return dead_letters(self._connection, limit)

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()
