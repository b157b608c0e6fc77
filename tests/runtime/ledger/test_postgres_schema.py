"""The tables of a PostgreSQL store: brought up to date whole, and refused where some are missing.

Source: ours.
"""

from __future__ import annotations

from contextlib import closing
from typing import Final

import absurdctl  # pyright: ignore[reportMissingTypeStubs] - one script, without types
import psycopg
import pytest

from interloom.runtime.core.paging import Query
from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.absurd import queue_of
from interloom.runtime.ledger.columns import millis
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.postgres_connection import connect
from interloom.runtime.ledger.postgres_schema import SCHEMA, SCHEMA_VERSION, SHAPE, prepare
from interloom.runtime.ledger.rows import PutPush, PutStep, Seen, StoredTask
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.ledger_pushes import push
from interloom.runtime.testing.samples import creation, move, record
from tests.postgres import asked
from tests.runtime.ledger.opening import opened

FIRST_WITH_ABSURD: Final = 3
"""The first schema with runs that can be taken over."""
QUEUE: Final = queue_of("echo")
TASK: Final = (
    "INSERT INTO task (id, owner, agent, context_id, state, status_ms, seq)"
    " VALUES ('task-1', 'ann', 'echo', 'context of task-1', 'TASK_STATE_WORKING', %s, 1)"
)
ROWS: Final = """
    INSERT INTO event (task, seq, event_id, state, body, append, last)
        VALUES (1, 1, 'event-1', 'TASK_STATE_WORKING', '{}', false, false);
    INSERT INTO message
        VALUES ('ann', 'echo', 'message of task-1', 1), ('ann', 'echo', 'asked', 0);
    INSERT INTO reply (owner, agent, message_id, body) VALUES ('ann', 'echo', 'asked', '{}');
    INSERT INTO step VALUES (1, 'step', '1');
    INSERT INTO tally VALUES ('ann', 'echo', 'TASK_STATE_WORKING', 1, 1);
"""
RUN: Final = "INSERT INTO run (task, agent, state, attempt) VALUES (1, 'echo', 'active', 0)"
ABSURD_RUN: Final = (
    "INSERT INTO run (task, agent, state, attempt, queue, absurd_task, absurd_run)"
    " SELECT 1, 'echo', 'active', 0, %s, task_id, run_id"
    " FROM absurd.spawn_task(%s, 'echo', '{\"task\": 1}', '{\"idempotency_key\": \"task-1\"}')"
)


def made(url: str, version: int) -> None:
    """Make a store as an older version did, with a task."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA interloom")
        connection.execute("SET search_path = interloom")
        connection.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
        connection.execute("INSERT INTO schema_version VALUES (%s)", (version,))
        for script in SCHEMA[:version]:
            connection.execute(script.read_bytes())
        connection.execute(TASK, (millis(START),))
        connection.execute(ROWS)
        if version >= FIRST_WITH_ABSURD:
            connection.execute(absurdctl.BUNDLED_SCHEMA_SQL.encode())
            connection.execute("SELECT absurd.create_queue(%s)", (QUEUE,))
            connection.execute(ABSURD_RUN, (QUEUE, QUEUE))


def version_of(url: str) -> int:
    ((version,),) = asked(url, "SELECT version FROM interloom.schema_version")
    return int(version)


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
async def test_store_of_an_older_schema_is_brought_up_to_date_with_what_it_holds(
    database_url: str, version: int
) -> None:
    made(database_url, version)
    for seq in (2, 3):
        async with opened(database_url) as ledger:
            assert await ledger.task("task-1") == StoredTask(record(seq=seq - 1), None)
            await ledger.commit(move(seq), PutPush(push(f"push-{seq}"), 2))
            await ledger.commit(PutStep("task-1", f"step-{seq}", b"2"))
            assert len(await ledger.events("task-1")) == seq
            assert len(await ledger.pushes("task-1")) == seq - 1
            assert (await ledger.page(Query("ann", "echo")))[1] == 1
    async with opened(database_url) as ledger:
        steps = {"step": b"1", "step-2": b"2", "step-3": b"2"}
        assert (await ledger.journal("task-1")).steps == steps
        assert await ledger.seen("ann", "echo", "message of task-1") == Seen("task-1", None)
        assert await ledger.seen("ann", "echo", "asked") == Seen("", b"{}")
    assert version_of(database_url) == SCHEMA_VERSION


@pytest.mark.parametrize("version", range(FIRST_WITH_ABSURD, SCHEMA_VERSION))
async def test_run_of_an_older_schema_is_claimed_and_ends(database_url: str, version: int) -> None:
    made(database_url, version)
    async with opened(database_url) as ledger:
        await ledger.join("ann", lambda: None)
        (row,) = await ledger.claim("ann", ["echo"], limit=5)
        assert (row.task_id, row.worker, row.token) == ("task-1", "ann", 1)
        await ledger.commit(move(2, state=TaskState.COMPLETED))
        assert await ledger.runs() == []


@pytest.mark.parametrize("version", range(1, FIRST_WITH_ABSURD))
def test_runs_from_before_absurd_are_refused_in_a_sentence_and_left_alone(
    database_url: str, version: int
) -> None:
    """No release had them: whose they are was decided by another rule."""
    made(database_url, version)
    asked(database_url, f"SET search_path = interloom; {RUN}")
    with pytest.raises(BadConfig) as caught:
        PostgresLedger(database_url)
    assert str(caught.value) == (
        f"store: has schema {version} and runs that are not over, which no release made;"
        " they can be taken over from schema 3 on"
    )
    assert version_of(database_url) == version
    assert asked(database_url, "SELECT task FROM interloom.run") == [(1,)]


DAMAGE: Final = {
    "DROP TABLE interloom.event": "event",
    "DROP TABLE interloom.run, interloom.kept": "kept, run",
    "ALTER TABLE interloom.task DROP COLUMN asks": "task.asks",
    "ALTER TABLE interloom.push RENAME COLUMN due_ms TO due": "push.due_ms",
    "DROP FUNCTION interloom.me()": "me()",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_store_with_something_missing_is_refused_in_a_sentence_and_left_alone(
    database_url: str, damage: str
) -> None:
    with closing(connect(database_url)) as session:
        prepare(session)
    asked(database_url, damage)
    with pytest.raises(BadConfig) as caught:
        PostgresLedger(database_url)
    missing = DAMAGE[damage]
    said = f"store: is damaged: the schema 'interloom' is without {missing}"
    assert str(caught.value) == said
    assert missing not in shape_of(database_url)


def shape_of(url: str) -> set[str]:
    """Tables, their columns and functions, as the standard's views have them."""
    found = asked(
        url,
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'interloom'"
        " UNION ALL SELECT table_name || '.' || column_name FROM information_schema.columns"
        " WHERE table_schema = 'interloom' UNION ALL SELECT routine_name || '()'"
        " FROM information_schema.routines WHERE routine_schema = 'interloom'",
    )
    return {name for (name,) in found}


def test_shape_is_what_the_scripts_make(store_url: str) -> None:
    expected = {f"{table}.{each}" for table, columns in SHAPE.items() for each in columns.split()}
    of_the_count = {"schema_version", "schema_version.version"}
    assert shape_of(store_url) == expected | set(SHAPE) | of_the_count


async def test_runs_that_absurd_knows_nothing_of_are_refused_in_a_sentence(
    database_url: str,
) -> None:
    """Nobody would ever claim them; where there are none, Absurd is put back."""
    async with opened(database_url) as ledger:
        await ledger.commit(*creation(record()))
    asked(database_url, "DROP SCHEMA absurd CASCADE")
    with pytest.raises(BadConfig) as caught:
        PostgresLedger(database_url)
    assert str(caught.value) == (
        f"store: is damaged: runs that are not over are in the queue {QUEUE!r}, which Absurd does"
        " not have in its schema 'absurd'"
    )
    assert asked(database_url, "SELECT to_regnamespace('absurd')") == [(None,)]
    asked(database_url, "DELETE FROM interloom.run")
    async with opened(database_url) as ledger:
        await ledger.commit(*creation(record("task-2")))
