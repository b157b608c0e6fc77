"""How an agent's code may end, and what its caller is told. Source: `engine.agent.Body` (ours)."""

from __future__ import annotations

import logging
from asyncio import CancelledError  # noqa: TID251 - what a cancelled future raises in an author's code
from collections.abc import Callable

import anyio
import pytest

from interloom.runtime.core.record import Outcome, Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import (
    AgentFailed,
    AgentRejected,
    LocalError,
    TransportError,
)
from interloom.runtime.model import Part, TaskState
from interloom.runtime.testing import Slow, asker, crasher, echo
from interloom.runtime.testing.agents import result
from interloom.runtime.wire.card import About
from tests.runtime.engine.house import COLD_S, Store, house, quiet, said

UNEXPECTED = "The agent failed unexpectedly."
PRIVATE = "password=hunter2"


class Exit(BaseException):
    """Not an Exception: what libraries that end programs raise."""


def group(*errors: Exception) -> Callable[[], BaseException]:
    return lambda: ExceptionGroup(PRIVATE, [ExceptionGroup(PRIVATE, list(errors))])


RAISED: dict[str, tuple[Callable[[], BaseException], TaskState, str]] = {
    "foreign": (lambda: ValueError(PRIVATE), TaskState.FAILED, UNEXPECTED),
    "stop iteration": (lambda: StopAsyncIteration(PRIVATE), TaskState.FAILED, UNEXPECTED),
    "timeout": (lambda: TimeoutError(PRIVATE), TaskState.FAILED, UNEXPECTED),
    "several": (group(ValueError(PRIVATE), KeyError(PRIVATE)), TaskState.FAILED, UNEXPECTED),
    "one of a group": (group(AgentFailed("No seat.")), TaskState.FAILED, "No seat."),
    "failed": (lambda: AgentFailed("No flights today."), TaskState.FAILED, "No flights today."),
    "rejected": (lambda: AgentRejected("Not my job."), TaskState.REJECTED, "Not my job."),
    "local": (lambda: LocalError("step x: no"), TaskState.FAILED, "step x: no"),
    "transport": (
        lambda: TransportError("depot: refused", delivered=False),
        TaskState.FAILED,
        "depot: refused",
    ),
    "cancelled": (lambda: CancelledError(PRIVATE), TaskState.FAILED, UNEXPECTED),
    "exit": (lambda: SystemExit(PRIVATE), TaskState.FAILED, UNEXPECTED),
    "base": (lambda: Exit(PRIVATE), TaskState.FAILED, UNEXPECTED),
}


@pytest.mark.parametrize(("make", "state", "reason"), RAISED.values(), ids=RAISED)
async def test_agent_that_raises_ends_its_task_with_a_reason_and_harms_no_other(
    store: Store, make: Callable[[], BaseException], state: TaskState, reason: str
) -> None:
    slow = Slow()
    async with house(store, crasher(make), slow.agent, echo()) as home:
        home.caller = home.caller._replace(agent="slow")
        other = await home.begin("begin")
        home.caller = home.caller._replace(agent="crasher")
        task = await home.send("begin")
        assert (task.status.state, said(task)) == (state, reason)
        assert await home.run_state(task) is None

        slow.finish.set()
        home.caller = home.caller._replace(agent="slow")
        assert said(await home.over(other)) == "done"


async def test_unexpected_error_is_logged_once_with_its_traceback(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "interloom"):
        async with house(store, crasher(lambda: ValueError(PRIVATE))) as home:
            await home.send("begin")

    (logged,) = caplog.records
    assert logged.getMessage() == "agent.raised"
    assert logged.exc_info is not None
    assert isinstance(logged.exc_info[1], ValueError)


async def test_agent_that_returns_what_is_no_artifact_fails(store: Store) -> None:
    async def body(task: TaskContext) -> tuple[Product, ...]:
        return (Part(text="not an artifact"),)  # type: ignore[return-value]  # that is the point

    async with house(store, Agent(About("odd", "Odd."), body)) as home:
        task = await home.send("begin")
        assert (task.status.state, said(task)) == (TaskState.FAILED, UNEXPECTED)
        assert await home.run_state(task) is None


async def test_artifacts_of_one_id_are_all_taken_the_last_stands(store: Store) -> None:
    """A2A 3.7: an artifact event without `append` replaces."""

    async def body(task: TaskContext) -> tuple[Product, ...]:
        await task.artifact(*result("first"))
        return (*result("second"), *result("third"))

    async with house(store, Agent(About("odd", "Odd."), body)) as home:
        task = await home.send("begin")
        assert (task.status.state, said(task)) == (TaskState.COMPLETED, "third")


async def test_step_whose_result_is_no_json_fails_the_task_and_names_the_step(
    store: Store,
) -> None:
    async def work() -> object:
        return object()

    async def body(task: TaskContext) -> tuple[Product, ...]:
        await task.step("odd/1", work)  # type: ignore[arg-type]  # that is the point
        return ()

    async with house(store, Agent(About("odd", "Odd."), body)) as home:
        task = await home.send("begin")
        assert task.status.state is TaskState.FAILED
        assert said(task).startswith("step odd/1: its result is not JSON")


def stubborn(store_up: list[str]) -> Agent:
    """An agent that takes the end of its wait for an answer like any error, and returns."""

    async def body(task: TaskContext) -> tuple[Product, ...] | Outcome:
        try:
            answered = await asker().body(task)
        except BaseException as error:  # noqa: BLE001 - that is the point
            store_up.append(type(error).__name__)
            return result("I did not wait")
        return answered

    return Agent(About("stubborn", "Swallows everything."), body)


async def test_agent_that_swallows_its_parking_does_not_end_its_task(store: Store) -> None:
    """What it returns after it was dropped is nobody's answer."""
    swallowed: list[str] = []
    async with house(store, stubborn(swallowed), warm_s=COLD_S) as home:
        task = await home.send("begin")
        await home.until_parked(task)
        assert swallowed == ["CancelledError"]
        assert (await home.get(task)).status.state is TaskState.INPUT_REQUIRED

        assert said(await home.send("blue", task)) == "blue"


async def test_agent_that_raises_when_it_is_parked_does_not_fail_its_task(store: Store) -> None:
    async def body(task: TaskContext) -> tuple[Product, ...] | Outcome:
        try:
            return await asker().body(task)
        except BaseException:  # noqa: BLE001 - that is the point
            raise ValueError(PRIVATE) from None

    async with house(store, Agent(About("odd", "Odd."), body), warm_s=COLD_S) as home:
        task = await home.send("begin")
        await home.until_parked(task)
        assert said(await home.send("blue", task)) == "blue"


async def test_agent_that_swallows_its_cancel_does_not_undo_it(store: Store) -> None:
    swallowed: list[str] = []
    async with house(store, stubborn(swallowed)) as home:
        task = await home.send("begin")
        await home.cancel(task)
        await quiet()
        assert swallowed == ["CancelledError"]
        assert (await home.get(task)).status.state is TaskState.CANCELED


async def test_agent_that_lets_go_of_the_loop_in_its_last_words_still_completes(
    store: Store,
) -> None:
    async def body(task: TaskContext) -> tuple[Product, ...] | Outcome:
        try:
            return result("done")
        finally:
            await anyio.lowlevel.checkpoint()

    async with house(store, Agent(About("slow", "Slow."), body)) as home:
        assert said(await home.send("begin")) == "done"
