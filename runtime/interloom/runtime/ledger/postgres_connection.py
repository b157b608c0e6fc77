"""Connections to PostgreSQL: how they are opened, and SQL with `?` on them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import conninfo, errors

from interloom.runtime.errors import BadConfig

SCHEMA_NAME: Final = "interloom"
"""The schema that our tables are in."""

CONNECT_S: Final = 5
"""Seconds to wait for a server that does not answer."""

_SETTINGS: Final = {
    "search_path": SCHEMA_NAME,
    "statement_timeout": "30s",
    "lock_timeout": "15s",
    # Less than what others wait for a lock: a process that freezes in the midst lets go of its own.
    "idle_in_transaction_session_timeout": "10s",
}
SETTINGS: Final = (
    b"SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS of (name, value)"
    # `off` would answer before the disk has it; what is stricter than `on` is left as it is.
    b" UNION ALL SELECT set_config('synchronous_commit', 'on', false)"
    b" WHERE current_setting('synchronous_commit') IN ('off', 'local')"
)
SETTING_VALUES: Final = (list(_SETTINGS), list(_SETTINGS.values()))

_PLACE: Final = re.compile(r"\?|(?<!:):([a-z_]+)")
_PREFIX: Final = re.compile(r"^.*\bfailed: (FATAL: +)?")
"""What libpq says before the reason: where it tried to connect to, which we say ourselves."""
_OURS: Final = re.compile(r"/\*pg (.*?)\*/")

Values: TypeAlias = Sequence[Any] | Mapping[str, Any]


@cache
def translated(sql: str) -> bytes:
    """A statement as psycopg wants it: see `connection.Connection`."""
    told = _OURS.sub(r"\1", sql)
    return _PLACE.sub(lambda found: f"%({found[1]})s" if found[1] else "%s", told).encode()


class Session:
    """One connection, as the statements know it; see `connection.Connection`."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.raw = connection
        self._cursor = connection.cursor(binary=True)

    def execute(self, sql: str, values: Values = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        """Carry out one statement; its rows are read before the next one is."""
        return self._cursor.execute(translated(sql), values)

    def executemany(
        self, sql: str, values: Iterable[Sequence[Any]], /
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        """Carry out one statement for each row of values."""
        self._cursor.executemany(translated(sql), values)
        return self._cursor

    @property
    def is_lost(self) -> bool:
        """Whether the connection is of no use any more."""
        return self.raw.closed

    def close(self) -> None:
        """Let go of the connection, whatever its state."""
        with suppress(psycopg.Error):
            self.raw.close()


def arguments(url: str) -> dict[str, Any]:
    """What to connect with, from a URL.

    Raises:
        BadConfig: It is not a URL of PostgreSQL.
    """
    try:
        told = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise BadConfig("store: is not a PostgreSQL URL: postgresql://USER@HOST/DATABASE") from None
    return {
        "connect_timeout": CONNECT_S,
        "application_name": "interloom",
        # A server that is gone without a word is found out, also while an answer is waited for.
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
        **told,
        "client_encoding": "UTF8",
    }


def is_away(error: Exception) -> bool:
    """Whether an error says that the server was not there, or went away: trying again may help."""
    if not isinstance(error, psycopg.OperationalError) or isinstance(error, errors.QueryCanceled):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57"))


def described(url: str) -> str:
    """Which database a URL names, without anything secret."""
    told = arguments(url)
    host = told.get("host", "localhost")
    port = f":{told['port']}" if "port" in told else ""
    return f"postgresql://{host}{port}/{told.get('dbname', told.get('user', ''))}"


def reason(error: psycopg.Error, url: str) -> str:
    """Why a database cannot be opened, in one line and without anything secret."""
    first = next(iter(str(error).splitlines()), type(error).__name__)
    said = _PREFIX.sub("", first).strip()
    password = arguments(url).get("password")
    return said.replace(password, "***") if password else said


def connect(url: str) -> Session:
    """Open a connection that commits after each statement, unless told otherwise.

    Raises:
        psycopg.OperationalError: The server is not there, or does not let us in.
        BadConfig: Not a URL of PostgreSQL.
    """
    connection = psycopg.connect(**arguments(url), autocommit=True)
    try:
        connection.execute(SETTINGS, SETTING_VALUES)
    except BaseException:
        connection.close()
        raise
    return Session(connection)
