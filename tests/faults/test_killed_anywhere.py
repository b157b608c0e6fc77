"""A process is killed before and after everything it stores, and within everything it does.

Source: DESIGN section 4: a completed step is never run again, completed means its journal row
committed; a step interrupted before that may run again. Events are gapless and the same for all.
Real processes and SIGKILL.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

import anyio
import pytest

from interloom.runtime.engine.embedded import MAX_ATTEMPTS
from interloom.runtime.model import TaskState
from tests import postgres
from tests.faults.killable import Program, running
from tests.faults.mortal import COMMITS, STEPS
from tests.faults.stored import file, history, unfinished

MORTAL = "tests.faults.mortal"
BOUND_S = 120.0
MOMENTS = [
    *(f"{when} {commit}" for commit in COMMITS for when in ("before", "after")),
    *(f"inside {step}" for step in STEPS),
]
SOME_MOMENTS = ["before second", "after second", "inside third", "after finished"]
WHOLE = ["submitted", "started", "status/1", "artifact/halfway/1", "finished/1", "finished"]


@dataclass(frozen=True)
class Nursery:
    """Where processes come from."""

    program: Program
    folder: Path
    store: str = ""  # where they share one

    def live(self, name: str, moment: str) -> int:
        """A process on the store of that name; how it ended."""
        self.program.tell(f"{name} {moment}")
        return int(self.program.hear())

    def effects(self, name: str) -> list[str]:
        """What the agent really did, in order."""
        return (self.folder / f"{name}.notes").read_text().split()

    def events(self, name: str) -> tuple[TaskState, list[str]]:
        """How the only task of that name stands, and its events, their numbers checked."""
        store = self.store or file(self.folder / f"{name}.db")
        assert anyio.run(unfinished, store) == 0
        return anyio.run(history, store, name, "mortal")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Generator[Nursery]:
    folder = tmp_path_factory.mktemp("nursery")
    with running(MORTAL, folder, patience_s=BOUND_S) as program:
        yield Nursery(program, folder)


@pytest.fixture(scope="module")
def nursery_on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Generator[Nursery]:
    folder = tmp_path_factory.mktemp("nursery")
    with (
        postgres.or_skip(postgres.shared).store() as url,
        running(MORTAL, folder, url, patience_s=BOUND_S) as program,
    ):
        yield Nursery(program, folder, url)


def runs_of(step: str, moment: str) -> int:
    """How often a step runs when a process is killed at that moment and another goes on."""
    return 2 if moment in {f"inside {step}", f"before {step}"} else 1


@pytest.mark.parametrize("moment", MOMENTS)
def test_task_goes_on_wherever_its_process_is_killed(nursery: Nursery, moment: str) -> None:
    _check_one_who_goes_on(nursery, moment)


@pytest.mark.parametrize("moment", SOME_MOMENTS)
def test_task_on_postgres_goes_on_when_the_lease_is_over(
    nursery_on_postgres: Nursery, moment: str
) -> None:
    """Where no kernel tells that a process died."""
    _check_one_who_goes_on(nursery_on_postgres, moment)


def _check_one_who_goes_on(nursery: Nursery, moment: str) -> None:
    name = moment.replace(" ", "-")
    assert nursery.live(name, moment) == -SIGKILL
    assert nursery.live(name, "never") == 0

    again = {step: runs_of(step, moment) for step in STEPS}
    assert nursery.effects(name) == [step for step in STEPS for _ in range(again[step])]
    assert nursery.events(name) == (TaskState.COMPLETED, WHOLE)


def test_task_whose_process_is_killed_after_every_commit_completes(nursery: Nursery) -> None:
    """It gets further each time, so it is never given up, however often its process dies."""
    deaths = 0
    while nursery.live("again", "after created"):  # which is what each one stores first
        deaths += 1

    assert deaths > MAX_ATTEMPTS
    assert nursery.effects("again") == list(STEPS)
    assert nursery.events("again") == (TaskState.COMPLETED, WHOLE)


def test_task_that_kills_its_process_each_time_fails_at_last(nursery: Nursery) -> None:
    """A poison task: it must not take every process down for ever."""
    ends = [nursery.live("poison", "inside second") for _ in range(MAX_ATTEMPTS + 1)]

    assert ends == [-SIGKILL] * MAX_ATTEMPTS + [0]
    assert nursery.effects("poison") == ["first"] + ["second"] * MAX_ATTEMPTS
    state, events = nursery.events("poison")
    assert (state, events[:3]) == (TaskState.FAILED, WHOLE[:3])
