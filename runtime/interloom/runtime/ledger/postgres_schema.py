"""The tables of a PostgreSQL store: made, or brought up to date, by whoever opens it first."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, Final

import absurdctl  # pyright: ignore[reportMissingTypeStubs] - one script, without types

from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.postgres_connection import SCHEMA_NAME, Session

SCHEMA: Final = tuple(
    sorted(
        files("interloom.runtime.ledger").joinpath("schema", "postgres").iterdir(),
        key=lambda file: file.name,
    )
)
"""The scripts that make the tables, each on top of the ones before."""
SCHEMA_VERSION: Final = len(SCHEMA)
"""How many of them a database has had (`interloom.schema_version`)."""
ABSURD_VERSION: Final = "0.5.1"
"""The version of Absurd's functions that ours are tested with."""

LOCK: Final = 0x17E2_100A
"""Marks our advisory locks; by itself, that of who looks at the tables and perhaps makes them."""


def prepare(session: Session) -> None:
    """Make the tables, or bring them up to date; several processes may do so at once.

    Raises:
        BadConfig: The schema is somebody else's, or a newer version's, or Absurd is of another
            version.
    """
    with session.raw.transaction():
        session.execute("SELECT set_config('lock_timeout', '60s', true)")
        session.execute("SELECT set_config('statement_timeout', '0', true)")
        session.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))
        version = _version(session)
        if version > SCHEMA_VERSION:
            raise BadConfig(
                f"store: has schema {version}; this version reads schema {SCHEMA_VERSION}"
            )
        _install_absurd(session)
        if version == SCHEMA_VERSION:
            return
        for script in SCHEMA[version:]:
            session.raw.execute(script.read_bytes())
        session.execute("DELETE FROM schema_version")
        session.execute("INSERT INTO schema_version (version) VALUES (?)", (SCHEMA_VERSION,))


def _version(session: Session) -> int:
    """How many scripts the database has had; the schema is there afterwards."""
    is_there, is_known, has_tables = _found(
        session,
        "SELECT to_regnamespace('interloom') IS NOT NULL,"
        " to_regclass('interloom.schema_version') IS NOT NULL,"
        " EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('interloom'))",
    )
    if is_known:
        (version,) = _found(session, "SELECT coalesce(max(version), 0) FROM schema_version")
        return int(version)
    if has_tables:
        raise BadConfig(
            f"store: the database has a schema {SCHEMA_NAME!r} that is not a store of Interloom"
        )
    if not is_there:  # `IF NOT EXISTS` would want the right to make one all the same
        session.execute("CREATE SCHEMA interloom")
    session.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
    return 0


def _install_absurd(session: Session) -> None:
    is_there, is_known = _found(
        session,
        "SELECT to_regnamespace('absurd') IS NOT NULL,"
        " to_regprocedure('absurd.get_schema_version()') IS NOT NULL",
    )
    if not is_there:
        session.raw.execute(absurdctl.BUNDLED_SCHEMA_SQL.encode())
        is_known = True
    version = _found(session, "SELECT absurd.get_schema_version()")[0] if is_known else "none"
    if version != ABSURD_VERSION:
        raise BadConfig(
            f"store: the database has version {version} of Absurd in its schema 'absurd';"
            f" this version of Interloom works with {ABSURD_VERSION}"
        )


def _found(session: Session, sql: str) -> tuple[Any, ...]:
    row = session.execute(sql).fetchone()
    return () if row is None else row
