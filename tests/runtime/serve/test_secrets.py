"""What an agent's exception says stays inside: in no reply, no event, no list."""

from __future__ import annotations

import asyncio  # noqa: TID251 - what an author's other libraries may use
from typing import Any, cast

import orjson
import pytest

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent, Body
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import AgentFailed
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.card import About
from tests.runtime.serve.raw import Answer, Server, frames, message, running

SWORDFISH = "swordfish-7f3a"
UNEXPECTED = "The agent failed unexpectedly."


async def _raises(_: TaskContext) -> tuple[Product, ...]:
    raise RuntimeError(f"cannot log in with {SWORDFISH}")


async def _raises_a_group(_: TaskContext) -> tuple[Product, ...]:
    raise ExceptionGroup(SWORDFISH, [ValueError(SWORDFISH), KeyError(SWORDFISH)])


async def _raises_a_group_of_one(_: TaskContext) -> tuple[Product, ...]:
    raise ExceptionGroup(SWORDFISH, [ExceptionGroup("", [OSError(5, SWORDFISH, SWORDFISH)])])


async def _raises_in_a_step(task: TaskContext) -> tuple[Product, ...]:
    async def work() -> None:
        raise ConnectionError(SWORDFISH)

    await task.step("connect", work)
    return ()


async def _returns_nonsense(_: TaskContext) -> tuple[Product, ...]:
    return cast("tuple[Product, ...]", [SWORDFISH])


async def _fails_because_of(_: TaskContext) -> tuple[Product, ...]:
    raise AgentFailed("The archive is closed.") from PermissionError(SWORDFISH)


class _Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError(SWORDFISH)


async def _raises_what_cannot_be_printed(_: TaskContext) -> tuple[Product, ...]:
    raise _Unspeakable


async def _exits(_: TaskContext) -> tuple[Product, ...]:
    raise SystemExit(SWORDFISH)


async def _awaits_what_was_cancelled(_: TaskContext) -> tuple[Product, ...]:
    future = asyncio.get_running_loop().create_future()
    future.cancel(SWORDFISH)
    await future
    return ()


FAILING: dict[str, tuple[Body, str]] = {
    "an exception": (_raises, UNEXPECTED),
    "a group": (_raises_a_group, UNEXPECTED),
    "a group of one": (_raises_a_group_of_one, UNEXPECTED),
    "in a step": (_raises_in_a_step, UNEXPECTED),
    "a result that is none": (_returns_nonsense, UNEXPECTED),
    "the cause of a failure in words": (_fails_because_of, "The archive is closed."),
    "an exit of the process": (_exits, UNEXPECTED),
    "a foreign cancellation": (_awaits_what_was_cancelled, UNEXPECTED),
    "an exception that cannot be printed": (_raises_what_cannot_be_printed, UNEXPECTED),
}


@pytest.mark.parametrize(("body", "reason"), FAILING.values(), ids=FAILING)
async def test_text_of_an_exception_reaches_nobody(body: Body, reason: str) -> None:
    """DESIGN 3: text shown to a peer comes from our classes, never from a foreign exception."""
    async with running(Agent(About("failing", "Fails."), body)) as server:
        answers, stored = await _everything_said(server)

    task = cast("dict[str, Any]", answers[0].result["task"])
    assert task["status"]["state"] == "TASK_STATE_FAILED"
    assert task["status"]["message"]["parts"] == [{"text": reason}]
    for said in (*(each.body for each in answers), *stored):
        assert SWORDFISH.encode() not in said
    for answer in answers:
        answer.is_discreet()


async def _everything_said(server: Server) -> tuple[list[Answer], list[bytes]]:
    """All that a client can get about a task that failed, and all that is stored to be sent."""
    sent = await server.call("SendMessage", {"message": message()}, agent="failing")
    task_id = cast("JsonObject", sent.result["task"])["id"]
    streamed = await server.call("SendStreamingMessage", {"message": message()}, agent="failing")
    fetched = await server.call("GetTask", {"id": task_id}, agent="failing")
    listed = await server.call("ListTasks", {"includeArtifacts": True}, agent="failing")
    last = cast("dict[str, Any]", frames(streamed.body)[-1]["result"])
    assert last["statusUpdate"]["status"]["state"] == "TASK_STATE_FAILED"
    events = await server.world.ledger.events(str(task_id))
    stored = [each.response(str(task_id), "context") for each in events]
    return [sent, streamed, fetched, listed], stored


async def test_defect_of_ours_is_an_internal_error_without_words() -> None:
    """JSON-RPC 5.1: -32603; what broke is for the log."""
    async with running() as server:
        answer = await _with_a_broken_ledger(server)

    answer.is_refusal(-32603, "INTERNAL")
    assert answer.error["message"] == "Internal error"
    assert SWORDFISH.encode() not in answer.body


async def _with_a_broken_ledger(server: Server) -> Answer:
    ledger = server.world.ledger
    whole = ledger.task

    async def broken(task_id: str) -> None:
        raise RuntimeError(f"{SWORDFISH} {task_id}")

    object.__setattr__(ledger, "task", broken)
    try:
        return await server.call("GetTask", {"id": "t"})
    finally:
        object.__setattr__(ledger, "task", whole)


def test_secret_is_what_the_tests_look_for() -> None:
    """A guard on this file: JSON would not hide the word by escaping it."""
    assert orjson.dumps(SWORDFISH) == f'"{SWORDFISH}"'.encode()
