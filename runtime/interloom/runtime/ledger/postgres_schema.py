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

SHAPE: Final = {
    "task": "number id owner agent context_id state status_ms seq asks trace snapshot pushes",
    "event": "task seq event_id state body message artifact append last",
    "message": "owner agent message_id task",
    "reply": "owner agent message_id body at_ms",
    "run": "task agent state attempt worker token wake_ms queue absurd_task absurd_run",
    "worker": "name beat_ms host",
    "step": "task key result",
    "signal": "task key value",
    "call": "task key state body",
    "push": "task id host body done attempts due_ms stopped worker",
    "undelivered": "task push seq at_ms reason",
    "tally": "owner agent state slot tasks",
    "writer": "name commits at_ms",
    "chore": "name next_ms",
    "blob": "key body bytes",
    "blob_use": "task key",
    "kept": "key kind item body expires_ms",
    "forgotten": "kind at_ms",
    "now_ms()": "",
    "me()": "",
}
"""What there is after the last script: tables with their columns, and functions."""

LOCK: Final = 0x17E2_100A
"""Marks our advisory locks; by itself, that of who looks at the tables and perhaps makes them."""

_FIRST_WITH_ABSURD: Final = 3
"""The first schema in which a run is a task of Absurd's."""
_FOUND: Final = (
    "SELECT relname::text, array_agg(attname::text) FROM pg_class"
    " JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped"
    " WHERE relnamespace = to_regnamespace('interloom') AND relkind IN ('r', 'p') GROUP BY relname"
    " UNION ALL SELECT proname || '()', '{}' FROM pg_proc"
    " WHERE pronamespace = to_regnamespace('interloom')"
)
_LOST: Final = (
    "SELECT queue FROM run WHERE queue NOT IN (SELECT queue_name FROM absurd.queues) LIMIT 1"
)


def prepare(session: Session) -> None:
    """Make the tables, or bring them up to date; several processes may do so at once.

    Raises:
        BadConfig: The schema is somebody else's, or a newer version's, or damaged, or Absurd is of
            another version.
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
        if version < SCHEMA_VERSION:
            _bring_up_to_date(session, version)
        _look_over(session)


def _bring_up_to_date(session: Session, version: int) -> None:
    """Carry out the scripts that a database has not had."""
    is_old = 0 < version < _FIRST_WITH_ABSURD
    if is_old and _found(session, "SELECT EXISTS (SELECT 1 FROM run)")[0]:
        raise BadConfig(
            f"store: has schema {version} and runs that are not over, which no release made;"
            f" they can be taken over from schema {_FIRST_WITH_ABSURD} on"
        )
    for script in SCHEMA[version:]:
        session.raw.execute(script.read_bytes())
    session.execute("DELETE FROM schema_version")
    session.execute("INSERT INTO schema_version (version) VALUES (?)", (SCHEMA_VERSION,))


def _look_over(session: Session) -> None:
    """See that nothing is missing: a start is refused, not every caller afterwards."""
    found: dict[str, list[str]] = dict(session.execute(_FOUND).fetchall())
    missing = [name for name in SHAPE if name not in found]
    for name in SHAPE.keys() & found:
        missing += [f"{name}.{each}" for each in SHAPE[name].split() if each not in found[name]]
    if missing:
        raise BadConfig(
            f"store: is damaged: the schema {SCHEMA_NAME!r} is without {', '.join(sorted(missing))}"
        )
    lost = _found(session, _LOST)
    if lost:
        raise BadConfig(
            f"store: is damaged: runs that are not over are in the queue {lost[0]!r}, which Absurd"
            " does not have in its schema 'absurd'"
        )


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
