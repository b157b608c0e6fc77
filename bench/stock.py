"""Our server with a hundred thousand finished tasks in its SQLite store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import anyio

from bench.ours import echo, serve
from bench.request import STOCK, TEXT
from bench.serving import Place
from interloom.runtime.core import decide
from interloom.runtime.core.record import Product, TaskRecord
from interloom.runtime.core.view import TaskView
from interloom.runtime.ledger.rows import CreateTask, MoveTask, Write
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.model import Message, Part, Role, TaskState

_BATCH: Final = 1000
_BEGIN: Final = datetime(2026, 11, 22, tzinfo=UTC)


def page(place: Place) -> None:
    """The echo agent, which has answered before."""
    path = place.scratch / "tasks.db"
    anyio.run(_fill, path)
    serve(echo, lambda: SqliteLedger(path), place)


async def _fill(path: Path) -> None:
    ledger = SqliteLedger(path)
    for start in range(0, STOCK, _BATCH):
        writes = [write for n in range(start, start + _BATCH) for write in _answered(n)]
        await ledger.commit(*writes)
    await ledger.aclose()


def _answered(number: int) -> Iterator[Write]:
    """A task from its first row to its last, as the engine would have written it."""
    at, name = _BEGIN + timedelta(milliseconds=number), f"{number:032}"
    record = TaskRecord(name, name, "", echo.about.name, TaskState.SUBMITTED, at)
    message = Message(message_id=name, role=Role.USER, parts=(Part(text=TEXT),))
    begun = decide.accept(record, message)
    ended = decide.finish(begun.record, [Product.of_text("result", TEXT)], now=at)
    yield CreateTask(begun.record, name, begun.events)
    view = TaskView(name, name, (*begun.events, *ended.events))
    yield MoveTask(ended.record, begun.record.seq, ended.events, view.json())
