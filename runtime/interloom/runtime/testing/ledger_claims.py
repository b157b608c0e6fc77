"""What a store promises of who works on a run. Source: as `ledger_writes`.

A process of its own is a name here: what tells a dead process from a live one is each store's.
"""

from __future__ import annotations

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import (
    AdvanceRun,
    Fenced,
    HoldRun,
    ParkRun,
    PutRun,
    PutSignal,
    PutStep,
    ReleaseRun,
    RunRow,
    RunState,
    TaskMoved,
)
from interloom.runtime.model import TaskState
from interloom.runtime.testing.promise import refusal, same
from interloom.runtime.testing.samples import begun, creation, move, record

_ECHO = ("echo",)
_NONE = list[RunRow]()


def _nothing() -> None:
    """What is called when a worker is lost; none is here."""


async def a_run_nobody_works_on_is_claimed_once(ledger: Ledger) -> None:
    """By whoever asks first; it has a new token, and is active."""
    await ledger.join("worker-1", _nothing)
    await ledger.commit(*creation(record()))
    taken = RunRow("task-1", "echo", RunState.ACTIVE, 1, "worker-1", 1)
    same(await ledger.claim("worker-1", _ECHO, limit=5), [taken])
    same(await ledger.claim("worker-1", _ECHO, limit=5), _NONE)
    same(await ledger.runs(), [taken])


async def runs_are_claimed_oldest_first_and_of_known_agents(ledger: Ledger) -> None:
    """As many as asked for; those of other agents are left for somebody who knows them."""
    await ledger.join("worker-1", _nothing)
    for task_id, agent in (("b", "echo"), ("a", "other"), ("d", "echo"), ("c", "echo")):
        await ledger.commit(*creation(record(task_id, agent=agent)))
    first = await ledger.claim("worker-1", _ECHO, limit=2)
    same([row.task_id for row in first], ["b", "d"])
    rest = await ledger.claim("worker-1", ("other", "echo"), limit=9)
    same([row.task_id for row in rest], ["a", "c"])


async def a_run_at_work_and_a_parked_one_are_not_claimed(ledger: Ledger) -> None:
    """The one is somebody's, the other has nothing to do."""
    await begun(ledger, record("parked"))
    await ledger.commit(ParkRun("parked", ("ask/1",)))
    await ledger.commit(*creation(record("mine")))
    same(len(await ledger.claim("worker-1", _ECHO, limit=5)), 1)
    same(await ledger.claim("worker-1", _ECHO, limit=5), _NONE)


async def a_write_names_a_worker_only_where_the_store_takes_it(ledger: Ledger) -> None:
    """Such a run is that worker's from the start; elsewhere it is to be claimed."""
    await ledger.join("worker-1", _nothing)
    mine = PutRun("task-1", "echo", RunState.ACTIVE, 1, "worker-1", 1)
    await ledger.commit(*creation(record())[:1], mine)
    claimed = await ledger.claim("worker-1", _ECHO, limit=5)
    same(len(claimed), 0 if ledger.takes_at_write else 1)
    await ledger.commit(ParkRun("task-1", ("ask/1",)))
    await ledger.commit(PutSignal("task-1", "ask/1", b"[]", "worker-1"))
    claimed = await ledger.claim("worker-1", _ECHO, limit=5)
    same(len(claimed), 0 if ledger.takes_at_write else 1)
    (run,) = await ledger.runs()
    same((run.attempt, run.worker), (1, "worker-1"))


async def a_run_that_is_let_go_of_is_claimed_again(ledger: Ledger) -> None:
    """Each time it has another token, and what its last worker writes is refused, whole."""
    await ledger.join("worker-1", _nothing)
    await ledger.commit(*creation(record()))
    await ledger.claim("worker-1", _ECHO, limit=1)
    await ledger.commit(HoldRun("task-1", 1), PutStep("task-1", "first", b"1"))
    await ledger.commit(ReleaseRun("task-1"))
    (again,) = await ledger.claim("worker-1", _ECHO, limit=1)
    same(again.token, 2)
    await refusal(Fenced, ledger.commit(HoldRun("task-1", 1), PutStep("task-1", "second", b"2")))
    await ledger.commit(HoldRun("task-1", 2), PutStep("task-1", "third", b"3"))
    same((await ledger.journal("task-1")).steps, {"first": b"1", "third": b"3"})


async def a_signal_wakes_a_parked_run_and_leaves_one_at_work_where_it_is(ledger: Ledger) -> None:
    """Woken for nobody, it is whoever's who claims it."""
    await begun(ledger)
    taken = RunRow("task-1", "echo", RunState.ACTIVE, 1, "worker-1", 1)
    await ledger.commit(PutSignal("task-1", "ask/2", b"[]"))
    same(await ledger.runs(), [taken])
    await ledger.commit(ParkRun("task-1", ("ask/3",)), PutSignal("task-1", "ask/3", b"[]"))
    (woken,) = await ledger.runs()
    same(woken[:5], RunRow("task-1", "echo", RunState.ACTIVE, 0, "")[:5])
    (again,) = await ledger.claim("worker-1", _ECHO, limit=1)
    same(again[:5], taken[:5])
    same(again.token > taken.token, True)


async def a_run_is_parked_and_woken_any_number_of_times(ledger: Ledger) -> None:
    """By a signal or by the time, whichever comes first; what woke it before does so no more."""
    await begun(ledger)
    for number in range(1, 4):
        await ledger.commit(ParkRun("task-1", (f"ask/{number}",), 3600.0))
        same(await ledger.claim("worker-1", _ECHO, limit=1), _NONE)
        await ledger.commit(PutSignal("task-1", f"ask/{number}", b"[]"))
        same(len(await ledger.claim("worker-1", _ECHO, limit=1)), 1)
        await ledger.commit(ParkRun("task-1", ("ask/never",), 0.0))
        same(len(await ledger.claim("worker-1", _ECHO, limit=1)), 1)


async def a_parked_run_whose_signal_has_come_is_nobodys_and_active(ledger: Ledger) -> None:
    """Whoever stored the signal did not know that the run was about to be parked."""
    await begun(ledger)
    await ledger.commit(PutSignal("task-1", "ask/1", b"[]", "worker-2"))
    await ledger.commit(HoldRun("task-1", 1), ParkRun("task-1", ("ask/1",)))
    same(len(await ledger.claim("worker-1", _ECHO, limit=1)), 1)


async def a_parked_run_is_claimed_when_its_time_has_come(ledger: Ledger) -> None:
    """By the store's own clock."""
    for task_id in ("later", "now", "never"):
        await ledger.commit(*creation(record(task_id)))
    await ledger.join("worker-1", _nothing)
    same(len(await ledger.claim("worker-1", _ECHO, limit=5)), 3)
    for task_id, wake_in_s in (("later", 3600.0), ("now", 0.0), ("never", None)):
        await ledger.commit(ParkRun(task_id, ("ask",), wake_in_s))
    claimed = await ledger.claim("worker-1", _ECHO, limit=5)
    same([row.task_id for row in claimed], ["now"])


async def runs_of_a_worker_that_left_are_nobodys(ledger: Ledger) -> None:
    """They are active, as they were, and their attempts are counted on."""
    await begun(ledger)
    await ledger.commit(AdvanceRun("task-1", 3))
    await ledger.leave("worker-1")
    same(await ledger.runs(), [RunRow("task-1", "echo", RunState.ACTIVE, 3, "", 1)])
    await ledger.join("worker-2", _nothing)
    (taken,) = await ledger.claim("worker-2", _ECHO, limit=1)
    same(taken, RunRow("task-1", "echo", RunState.ACTIVE, 4, "worker-2", 2))


async def a_task_that_is_over_is_held_by_nobody(ledger: Ledger) -> None:
    """What its run still writes is refused, and so is a move from where the task is not."""
    await begun(ledger)
    await ledger.commit(move(1, state=TaskState.CANCELED))
    await refusal(Fenced, ledger.commit(HoldRun("task-1", 1), PutStep("task-1", "late", b"1")))
    await refusal(TaskMoved, ledger.commit(move(1, state=TaskState.COMPLETED)))


async def a_worker_is_alive_from_when_it_joined_until_it_left(ledger: Ledger) -> None:
    """Nobody else is, whatever their name."""
    same(await ledger.beat("worker-1"), False)
    await ledger.join("worker-1", _nothing)
    same([await ledger.beat(name) for name in ("worker-1", "worker-2", "")], [True, False, False])
    await ledger.leave("worker-1")
    same(await ledger.beat("worker-1"), False)


async def a_closed_store_says_of_no_worker_that_it_is_alive(ledger: Ledger) -> None:
    """It takes no writes, and that is what is asked."""
    await ledger.join("worker-1", _nothing)
    await ledger.aclose()
    await refusal(Unavailable, ledger.beat("worker-1"))
