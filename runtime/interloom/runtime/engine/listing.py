"""ListTasks: one page of a caller's tasks.

Source: A2A 1.0.1 section 3.1.4.
"""

from __future__ import annotations

import orjson

from interloom.runtime.core import paging
from interloom.runtime.core.record import TaskRecord
from interloom.runtime.core.view import shorten
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.model import ListTasksRequest


async def list_tasks(tasks: Tasks, caller: Caller, request: ListTasksRequest) -> bytes:
    """One page: a `ListTasksResponse`.

    Raises:
        BadParams: A page size, token or length out of range.
    """
    query = paging.query(request, owner=caller.owner, agent=caller.agent)
    records, total = await tasks.ledger.page(query)
    page = records[: query.size]
    listed = [orjson.Fragment(await _listed(tasks, record, request)) for record in page]
    last = page[-1] if len(records) > query.size else None
    token = "" if last is None else paging.token(paging.Position(last.status_at, last.id))
    return orjson.dumps(
        {"tasks": listed, "nextPageToken": token, "pageSize": query.size, "totalSize": total}
    )


async def _listed(tasks: Tasks, record: TaskRecord, request: ListTasksRequest) -> bytes:
    stored = await tasks.ledger.task(record.id)
    if stored is not None and stored.snapshot is not None:
        task = stored.snapshot
    else:
        async with tasks.held(record.id) as live:
            task = await tasks.json(live)
    return shorten(task, request.history_length, artifacts=bool(request.include_artifacts))
