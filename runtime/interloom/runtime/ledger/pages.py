"""ListTasks in SQL: one query for a page, one for how many there are, neither reads all tasks.

There is one index by status time, and the state stands before the time in it: so each of the few
states is a list that is sorted already, a page of one state is the head of one list, and a page of
all states is merged from the heads of all. How many there are in a state is counted as they move
(`tally`). A conversation has few tasks; they are found by it, and sorted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from interloom.runtime.core.machine import TABLE
from interloom.runtime.core.paging import Query
from interloom.runtime.ledger.columns import among, millis
from interloom.runtime.model import TaskState

TASK: Final = (
    "SELECT id, context_id, owner, agent, state, status_ms, seq, asks, trace, snapshot FROM task"
)
_STATES: Final = tuple(TABLE)
SHORT: Final = 2000
"""Rows that are counted without a thought."""
_NEWEST: Final = "ORDER BY status_ms DESC, id DESC"
# An expression keeps a database from going by the index of all the agent's tasks instead.
_CONVERSATION: Final = "context_id = :context AND owner || '' = :owner AND agent || '' = :agent"


def page(query: Query) -> tuple[str, Mapping[str, str | int]]:
    """The query for a page and one task more, in order, and its values."""
    values = {**_values(query), "limit": query.size + 1}
    after = " AND (status_ms, id) < (:after_ms, :after_id)" if query.after is not None else ""
    if query.context_id:
        return f"{TASK} WHERE {_within(query)}{after} {_NEWEST} LIMIT :limit", values
    # Made of constants; values are bound.
    heads = " UNION ALL ".join(
        "SELECT * FROM (SELECT number, status_ms, id FROM task"  # noqa: S608
        f" WHERE owner = :owner AND agent = :agent AND state = '{state.value}'"
        f"{_since(query)}{after} {_NEWEST} LIMIT :limit) AS head"
        for state in _states(query)
    )
    chosen = f"SELECT number FROM ({heads}) AS heads {_NEWEST} LIMIT :limit"  # noqa: S608
    return f"{TASK} WHERE number IN ({chosen}) {_NEWEST}", values


def total(query: Query) -> tuple[str, Mapping[str, str | int]]:
    """The query for how many match, whatever the page, and its values."""
    of_agent = f"owner = :owner AND agent = :agent AND state IN {among(_states(query))}"
    if query.context_id:
        sql = f"SELECT count(*) FROM task WHERE {_within(query)}"  # noqa: S608
    else:
        sql = f"SELECT CAST(coalesce(sum(tasks), 0) AS BIGINT) FROM tally WHERE {of_agent}"  # noqa: S608
        if query.since is not None:
            sql = _total_since(of_agent, known=sql)
    return sql, _values(query)


def _total_since(of_agent: str, *, known: str) -> str:
    """How many since a moment: mostly nearly all are, or nearly none, and few rows are counted."""
    every = f"FROM task WHERE {of_agent} AND status_ms"
    later, earlier = (
        f"SELECT count(*) FROM (SELECT 1 {every} {side} :since_ms LIMIT {SHORT}) AS counted"  # noqa: S608
        for side in (">=", "<")
    )
    return (
        f"SELECT CASE WHEN later < {SHORT} THEN later ELSE"  # noqa: S608
        f" (SELECT CASE WHEN earlier < {SHORT} THEN ({known}) - earlier"
        f" ELSE (SELECT count(*) {every} >= :since_ms) END FROM (SELECT ({earlier}) AS earlier)"
        f" AS before) END FROM (SELECT ({later}) AS later) AS since"
    )


def _states(query: Query) -> tuple[TaskState, ...]:
    return _STATES if query.state is None else (query.state,)


def _within(query: Query) -> str:
    state = "" if query.state is None else " AND state = :state"
    return f"{_CONVERSATION}{state}{_since(query)}"


def _since(query: Query) -> str:
    return "" if query.since is None else " AND status_ms >= :since_ms"


def _values(query: Query) -> dict[str, str | int]:
    values: dict[str, str | int] = {"owner": query.owner, "agent": query.agent}
    if query.context_id:
        values["context"] = query.context_id
        if query.state is not None:
            values["state"] = query.state.value
    if query.since is not None:
        values["since_ms"] = millis(query.since)
    if query.after is not None:
        values["after_ms"] = millis(query.after.status_at)
        values["after_id"] = query.after.task_id
    return values
