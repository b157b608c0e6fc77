"""ListTasks: one page of a caller's tasks.

Source: A2A 1.0.1 section 3.1.4.
"""

from __future__ import annotations

import orjson

from interloom.runtime.core import paging
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.core.view import TaskView, shorten
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.ledger.rows import StoredTask
from interloom.runtime.model import ListTasksRequest


async def list_tasks(tasks: Tasks, caller: Caller, request: ListTasksRequest) -> bytes:
    """One page: a `ListTasksResponse`.

    Raises:
        BadParams: A page size, token or length out of range.
    """
    query = paging.query(request, owner=caller.owner, agent=caller.agent)
    found, total = await tasks.ledger.page(query)
    page = found[: query.size]
    listed = [orjson.Fragment(await _listed(tasks, stored, request)) for stored in page]
    token = ""
    if len(found) > query.size:
        last = page[-1].record
        token = paging.token(paging.Position(last.status_at, last.id), query)
    return orjson.dumps(
        {"tasks": listed, "nextPageToken": token, "pageSize": query.size, "totalSize": total}
    )


async def _listed(tasks: Tasks, stored: StoredTask, request: ListTasksRequest) -> bytes:
    task = stored.snapshot or await as_of(tasks, stored.record)
    return shorten(task, request.history_length, artifacts=bool(request.include_artifacts))


async def as_of(tasks: Tasks, record: TaskRecord) -> bytes:
    """The A2A Task as it was at a record of it, as JSON, though it may have moved on."""
    live = tasks.find(record.id)
    if live is not None and live.stored.seq == record.seq:
        return await tasks.json(live)
    events = await tasks.all_events(record.id, record.seq)
    return TaskView(record.id, record.context_id, events).json()
