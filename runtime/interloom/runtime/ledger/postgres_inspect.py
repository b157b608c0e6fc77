"""A PostgreSQL store seen from outside, while others serve it or nobody does."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager
from typing import Final

import psycopg

from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.errors import BadConfig, NoStore, Unavailable
from interloom.runtime.ledger.overview import Overview, dead_letters, overview
from interloom.runtime.ledger.postgres_connection import connect, described, reason
from interloom.runtime.ledger.postgres_schema import SCHEMA_VERSION

_KNOWN: Final = "SELECT to_regclass('interloom.schema_version') IS NOT NULL"
_VERSION: Final = "SELECT coalesce(max(version), 0) FROM schema_version"
_SIZE: Final = (
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = to_regnamespace('interloom')"
)
_EVENTS: Final = (
    "SELECT coalesce(pg_stat_get_tuples_inserted(to_regclass('interloom.event')), 0)::bigint"
)


class PostgresInspector:
    """See `Inspector`."""

    kind = "postgresql"
    current = SCHEMA_VERSION

    def __init__(self, url: str) -> None:
        """Connect to a database that has a store.

        Raises:
            NoStore: It has none.
            BadConfig: It is not there, or does not let us in, or has a newer version's.
        """
        self.place = described(url)
        with ExitStack() as undo:
            try:
                self._session = undo.enter_context(closing(connect(url)))
                self.version = self._version()
            except psycopg.Error as error:
                raise BadConfig(f"store: {self.place}: {reason(error, url)}") from None
            undo.pop_all()

    def _version(self) -> int:
        if not self._number(_KNOWN):
            raise NoStore(f"store: {self.place}: there is no store of Interloom in it")
        version = self._number(_VERSION)
        if version > SCHEMA_VERSION:
            said = f"has schema {version}; this version reads schema {SCHEMA_VERSION}"
            raise BadConfig(f"store: {self.place}: {said}")
        return version

    def _number(self, sql: str) -> int:
        row = self._session.execute(sql).fetchone()
        return 0 if row is None else int(row[0])

    def size_bytes(self) -> int:
        """All of its tables, with their indexes."""
        with _readable():
            return self._number(_SIZE)

    def overview(self) -> Overview:
        """What it holds now; see `Inspector.overview`."""
        with _readable():
            return overview(self._session, now="now_ms()", events=_EVENTS)

    def undelivered(self, limit: int) -> list[Undelivered]:
        """Its dead letters, the latest first."""
        with _readable():
            return dead_letters(self._session, limit)

    def close(self) -> None:
        """Let go of it."""
        self._session.close()


@contextmanager
def _readable() -> Generator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise Unavailable("the store cannot be read") from error
