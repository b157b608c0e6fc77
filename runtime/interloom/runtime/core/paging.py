"""ListTasks: filters, page sizes and cursors.

Source: A2A 1.0.1 section 3.1.4 and `ListTasksRequest`: newest status first, cursor-based, page
size 1 to 100, 50 when unset. Ties in time are broken by task id (ours), so a page boundary is
exact however many tasks share a millisecond. A token is good for the filter it was made under
(ours): under another it would skip tasks without a word.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from interloom.runtime.errors import BadParams, Violation
from interloom.runtime.model import ListTasksRequest, TaskState

DEFAULT_PAGE: Final = 50
MAX_PAGE: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Position:
    """The last task of a page: the next one begins after it."""

    status_at: datetime
    task_id: str


@dataclass(frozen=True, slots=True)
class Query:
    """Which tasks to list.

    Attributes:
        owner: Whose tasks (A2A 13.1).
        agent: Which agent's.
        context_id: Only of this conversation, or empty.
        state: Only in this state, or None.
        since: Only with a status at or after this moment, in whole milliseconds, or None.
        after: Where the page before ended, or None for the first.
        size: Tasks to a page, 1 to 100.
    """

    owner: str
    agent: str
    context_id: str = ""
    state: TaskState | None = None
    since: datetime | None = None
    after: Position | None = None
    size: int = DEFAULT_PAGE


def query(request: ListTasksRequest, *, owner: str, agent: str) -> Query:
    """Read a request.

    Raises:
        BadParams: The page size is out of range, or the token is not one of ours.
    """
    size = DEFAULT_PAGE if request.page_size is None else request.page_size
    if not 1 <= size <= MAX_PAGE:
        raise _bad("pageSize", f"must be 1 to {MAX_PAGE}")
    if (request.history_length or 0) < 0:
        raise _bad("historyLength", "must be 0 or more")
    wanted = Query(
        owner=owner,
        agent=agent,
        context_id=request.context_id,
        state=None if request.status is TaskState.UNSPECIFIED else request.status,
        since=_whole(request.status_timestamp_after),
        size=size,
    )
    if not request.page_token:
        return wanted
    return replace(wanted, after=position(request.page_token, wanted))


def _whole(since: datetime | None) -> datetime | None:
    """Rounded up to the milliseconds in which tasks are dated: at or after is not before."""
    if since is None:
        return None
    return _EPOCH - (_EPOCH - since) // _MILLISECOND * _MILLISECOND


def token(last: Position, under: Query) -> str:
    """The page token that continues after `last` under the same filter; opaque to clients."""
    # Whole numbers throughout: a moment off by a millisecond would skip the tasks that share it.
    at_ms = (last.status_at - _EPOCH) // _MILLISECOND
    raw = orjson.dumps([at_ms, last.task_id, _digest(under)])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def position(page_token: str, under: Query) -> Position:
    """The reverse of `token`.

    Raises:
        BadParams: Not a token of ours, or made under another filter.
    """
    try:
        raw = base64.b64decode(page_token + "=" * (-len(page_token) % 4), b"-_", validate=True)
        match orjson.loads(raw):
            case [int(at_ms), str(task_id), str(digest)]:
                last = Position(_EPOCH + at_ms * _MILLISECOND, task_id)
            case _:
                raise _bad("pageToken", "is not a token of this server")
    except (binascii.Error, ValueError, OverflowError):
        raise _bad("pageToken", "is not a token of this server") from None
    if digest != _digest(under):
        raise _bad("pageToken", "belongs to another query; keep the filter from page to page")
    return last


def _digest(under: Query) -> str:
    """What tells filters apart; the size of a page is not part of one."""
    state = None if under.state is None else under.state.value
    kept = [under.owner, under.agent, under.context_id, state, under.since]
    return hashlib.sha256(orjson.dumps(kept)).hexdigest()[:12]


def _bad(field: str, rule: str) -> BadParams:
    return BadParams(f"{field}: {rule}", violations=(Violation(field, rule),))
