"""Large results: stored once, shown whole, and refused by name when they are too large. Ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.ledger.blobs import MAX_BYTES
from interloom.runtime.ledger.rows import MoveTask
from interloom.runtime.model import ListTasksRequest, Task, TaskState
from interloom.runtime.testing.agents import result, text
from interloom.runtime.testing.engine_installations import SqliteInstallation
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import Store, house, said

MIB = 1024 * 1024
LARGE = "0123456789abcdef" * (5 * MIB // 16)


def _maker(large: str) -> Agent:
    async def body(task: TaskContext) -> tuple[Product, ...]:
        return result(large)

    return Agent(About("maker", "Makes a lot."), body)


async def test_large_artifact_is_shown_whole_and_is_in_no_snapshot(store: Store) -> None:
    async with house(store, _maker(LARGE)) as home:
        task = await home.send("begin")
        assert said(task) == LARGE
        moves = [write for write in home.ledger.written if isinstance(write, MoveTask)]
        assert [write.snapshot for write in moves] == [None]
    async with house(store, _maker(LARGE)) as home:
        assert await home.get(task) == task
        listed = await home.operations.list_tasks(home.caller, ListTasksRequest())
        assert task.id.encode() in listed
        assert len(listed) < MIB


async def test_store_holds_a_large_artifact_once(tmp_path: Path) -> None:
    """With its log of changes; the event, the snapshot and the task would make three of it."""
    path = tmp_path / "store.db"
    async with house(SqliteInstallation(path), _maker(LARGE)) as home:
        await home.send("begin")
    assert len(LARGE) < path.stat().st_size < 1.5 * len(LARGE)


@pytest.mark.parametrize("what", ["step", "artifact"])
async def test_result_that_is_too_large_fails_the_task_with_its_name(
    store: Store, what: str
) -> None:
    """A limit that an author meets is a sentence, and not a database's error."""
    huge = "x" * (MAX_BYTES + 1)

    async def make() -> str:
        return huge

    async def body(task: TaskContext) -> tuple[Product, ...]:
        if text(task.message) == "step":
            await task.step("work", make)
        return result(huge)

    async with house(store, Agent(About("maker", "Makes too much."), body)) as home:
        task: Task = await home.send(what)
        assert task.status.state is TaskState.FAILED
        assert task.status.message is not None
        reason = task.status.message.parts[0].text or ""
        assert f"are more than the {MAX_BYTES} of one value" in reason
        assert reason.startswith("work: " if what == "step" else "")
