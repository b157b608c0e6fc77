"""What a store promises of large values. Source: as `ledger_writes`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.blobs import INLINE_BYTES, MAX_BYTES
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import (
    CallRow,
    CallState,
    CreateTask,
    MoveTask,
    PutCall,
    PutReply,
    PutSignal,
    PutStep,
    Write,
)
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.promise import BrokenPromise, refusal, same
from interloom.runtime.testing.samples import creation, event, move, record

LARGE: Final = bytes(range(256)) * (INLINE_BYTES // 256) + b"!"
"""One byte more than stays in a row."""
_LATER: Final = START + timedelta(days=1)


def _everywhere(task_id: str, value: bytes, seq: int = 1) -> tuple[Write, ...]:
    """A value in every place there is for one."""
    task = record(task_id, seq=seq)
    return (
        MoveTask(task, seq - 1, (event(seq, body=value, message=value),)),
        PutStep(task_id, "step", value),
        PutSignal(task_id, "ask", value),
        PutCall(CallRow(task_id, "tool/a.b/1", CallState.DONE, value)),
    )


async def _has(ledger: Ledger, task_id: str, value: bytes) -> bool:
    """Whether it is there, byte for byte; not shown when it is not: it may be large."""
    journal = await ledger.journal(task_id)
    (found,) = await ledger.events(task_id)
    values: Iterable[bytes | None] = (
        found.body,
        found.message,
        journal.steps["step"],
        journal.signals["ask"],
        journal.calls["tool/a.b/1"].body,
    )
    return all(each == value for each in values)


async def a_value_of_any_size_comes_back(ledger: Ledger) -> None:
    """On both sides of the size from which on it is stored elsewhere."""
    sizes = (1, 32, 33, 34, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 3 * INLINE_BYTES)
    for size in sizes:
        await ledger.commit(*creation(record(f"t{size}")))
        value = (LARGE * 4)[:size]
        await ledger.commit(*_everywhere(f"t{size}", value))
        same(await _has(ledger, f"t{size}", value), True)


async def a_value_that_looks_like_a_reference_is_itself(ledger: Ledger) -> None:
    """Whatever a store writes into a row instead of a large value, a caller may write it, too."""
    for number, value in enumerate((bytes(33), b"\0" + bytes(range(32)), b"\0", bytes(64))):
        await ledger.commit(*creation(record(f"t{number}")))
        await ledger.commit(*_everywhere(f"t{number}", value))
        same(await _has(ledger, f"t{number}", value), True)


async def a_large_value_stays_as_long_as_a_task_has_it(ledger: Ledger) -> None:
    """Also when another task with the same value is deleted, and when it is written again."""
    for task_id in ("a", "b"):
        await ledger.commit(*creation(record(task_id)), *_everywhere(task_id, LARGE))
    await ledger.commit(move(2, "a", state=TaskState.COMPLETED))
    same((await ledger.prune(_LATER, limit=9)).tasks, 1)
    same(await _has(ledger, "b", LARGE), True)
    await ledger.commit(move(2, "b", state=TaskState.COMPLETED))
    same((await ledger.prune(_LATER, limit=9)).tasks, 1)
    await ledger.commit(*creation(record("c")), *_everywhere("c", LARGE))
    same(await _has(ledger, "c", LARGE), True)


async def the_last_state_of_a_call_stands_however_large(ledger: Ledger) -> None:
    """From small to large and back."""
    await ledger.commit(*creation(record()))
    for body in (b"{}", LARGE, LARGE[::-1], b"[]"):
        await ledger.commit(PutCall(CallRow("task-1", "call", CallState.DONE, body)))
        same((await ledger.journal("task-1")).calls["call"].body == body, True)


async def a_value_that_is_too_large_is_refused_by_its_name(ledger: Ledger) -> None:
    """Before the database says so in words of its own; with it goes the whole transaction."""
    await ledger.commit(*creation(record()))
    huge = bytes(MAX_BYTES + 1)
    call = CallRow("task-1", "tool/a.b/1", CallState.DONE, huge)
    new = CreateTask(record("new"), "m", (event(1, "begun", message=huge),))
    writes: dict[str, Write] = {
        "work": PutStep("task-1", "work", huge),
        "ask/1": PutSignal("task-1", "ask/1", huge),
        "tool/a.b/1": PutCall(call),
        "artifact": MoveTask(record(seq=1), 0, (event(1, "artifact", body=huge),)),
        "begun": new,
        "reply": PutReply("ann", "echo", "m-2", huge),
    }
    for name, write in writes.items():
        said = str(
            await refusal(LocalError, ledger.commit(PutStep("task-1", "small", b"1"), write))
        )
        if not (said.startswith(f"{name}: ") and str(MAX_BYTES) in said):
            raise BrokenPromise(said)
    same((await ledger.journal("task-1")).steps, {})
    same(await ledger.task("new"), None)
    same(await ledger.seen("ann", "echo", "m-2"), None)
