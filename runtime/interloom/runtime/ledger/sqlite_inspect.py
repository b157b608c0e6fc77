"""A SQLite store seen from outside, while others serve it or nobody does."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

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
        try:
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        except sqlite3.Error as error:
            raise BadConfig(f"{path}: cannot be opened as a store: {error}") from None
        try:
            self.version = version_of(self._connection, path)
        except sqlite3.Error as error:
            self._connection.close()
            raise BadConfig(f"{path}: cannot be opened as a store: {error}") from None
        except BadConfig:
            self._connection.close()
            raise

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()
