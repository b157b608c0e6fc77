"""ListTasks reads no more rows than a page has, however many tasks there are.

Source: A2A 1.0.1 section 3.1.4, "deep pagination problem"; how it is kept from is ours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from itertools import product
from typing import cast

import psycopg
import pytest

from interloom.runtime.core.paging import Position, Query
from interloom.runtime.ledger import pages
from interloom.runtime.ledger.postgres_connection import translated
from interloom.runtime.ledger.sqlite_file import SCHEMA
from interloom.runtime.model import TaskState
from tests import postgres

AT = datetime(2026, 1, 2, tzinfo=UTC)
QUERIES = [
    Query("ann", "echo", context_id=context, state=state, since=since, after=after)
    for context, state, since, after in product(
        ("", "c"), (None, TaskState.WORKING), (None, AT), (None, Position(AT, "t"))
    )
]


@pytest.fixture(scope="module")
def empty() -> Generator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in SCHEMA:
            connection.executescript(script.read_text("utf-8"))
        yield connection


def steps(connection: sqlite3.Connection, sql: str, values: Mapping[str, str | int]) -> list[str]:
    """How SQLite goes about a query."""
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_page_is_found_by_an_index(empty: sqlite3.Connection, query: Query) -> None:
    """By a conversation's tasks, or as the heads of lists that are sorted already."""
    found = steps(empty, *pages.page(query))
    tables = [step for step in found if " task" in step]
    index = "task_by_context (context_id=?)" if query.context_id else "task_by_status"
    assert tables
    assert not [step for step in tables if step.startswith("SCAN")]
    assert any(index in step for step in tables)
    if not query.context_id:
        heads = [step for step in tables if "COVERING INDEX task_by_status" in step]
        assert len(heads) == (1 if query.state else 8)
        assert all("state=?" in step for step in heads)
        assert all("(status_ms,id)<(?,?)" in step for step in heads if query.after)


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_total_is_counted_in_an_index_or_known(empty: sqlite3.Connection, query: Query) -> None:
    """All of a state, or of all, is what the tally says."""
    found = steps(empty, *pages.total(query))
    tables = [step for step in found if " task" in step or " tally" in step]
    by = ("task_by_context",) if query.context_id else ("COVERING INDEX task_by_status", "tally")
    assert tables
    assert all(step.startswith("SEARCH") and any(each in step for each in by) for step in tables)
    if not query.context_id and not query.since:
        assert all("tally" in step for step in tables)


@pytest.mark.parametrize("short", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("state", [None, TaskState.WORKING, TaskState.FAILED])
def test_total_since_a_moment_is_exact_whichever_side_is_counted(
    monkeypatch: pytest.MonkeyPatch, short: int, state: TaskState | None
) -> None:
    """Few later ones, few earlier ones, and many of both."""
    monkeypatch.setattr(pages, "SHORT", short)
    states = [TaskState.WORKING, TaskState.COMPLETED] * 4
    rows = [("ann", "echo", each.value, 1000 * number) for number, each in enumerate(states)]
    with closing(sqlite3.connect(":memory:")) as store:
        for script in SCHEMA:
            store.executescript(script.read_text("utf-8"))
        store.executemany(
            "INSERT INTO task (id, owner, agent, context_id, state, status_ms, seq)"
            " VALUES (hex(randomblob(8)), ?, ?, 'c', ?, ?, 1)",
            rows,
        )
        store.execute("INSERT INTO tally SELECT owner, agent, state, count(*) FROM task GROUP BY 3")
        for at_s in range(-1, len(rows) + 1):
            since = datetime.fromtimestamp(at_s, UTC)
            query = Query("ann", "echo", state=state, since=since)
            ((found,),) = store.execute(*pages.total(query)).fetchall()
            wanted = [row for row in rows if row[3] >= 1000 * at_s]
            assert found == len([row for row in wanted if state in {None, TaskState(row[2])}])


@pytest.fixture(scope="module")
def filled() -> Generator[psycopg.Connection[tuple[str]]]:
    """Tasks on PostgreSQL, which goes by how many there are."""
    with postgres.or_skip(postgres.shared).store() as url, psycopg.connect(url) as connection:
        connection.execute("SET search_path = interloom")
        connection.execute(
            "INSERT INTO task (id, owner, agent, context_id, state, status_ms, seq)"
            " SELECT md5(n::text), 'ann', 'echo', 'c' || n / 3, 'TASK_STATE_WORKING', n, 1"
            " FROM generate_series(1, 30000) AS n"
        )
        connection.execute("INSERT INTO tally SELECT 'ann', 'echo', 'TASK_STATE_WORKING', 0, 30000")
        connection.execute("ANALYZE")
        yield cast("psycopg.Connection[tuple[str]]", connection)
        connection.rollback()


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_page_is_found_by_an_index_on_postgresql(
    filled: psycopg.Connection[tuple[str]], query: Query
) -> None:
    sql, values = pages.page(query)
    found = filled.execute(b"EXPLAIN (COSTS OFF) " + translated(sql), values).fetchall()
    plan = "\n".join(step for (step,) in found)
    assert "Seq Scan" not in plan
    if query.context_id:
        assert "task_by_context" in plan
    else:
        assert plan.count("Scan using task_by_status on") == (1 if query.state else 8)
