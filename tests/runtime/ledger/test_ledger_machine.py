"""Every store does what a dictionary would, whatever is written and in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeAlias

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from interloom.runtime.core.outbox import Progress, Undelivered
from interloom.runtime.core.paging import Position, Query
from interloom.runtime.errors import Conflict
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.rows import (
    AdvanceRun,
    CallRow,
    CallState,
    CreateTask,
    DropPush,
    HoldRun,
    MessageSeen,
    MovePush,
    MoveTask,
    ParkRun,
    PushRow,
    PutCall,
    PutPush,
    PutReply,
    PutRun,
    PutSignal,
    PutStep,
    ReleaseRun,
    RunState,
    Write,
)
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.samples import event, events, record
from tests import postgres
from tests.runtime.ledger.model import Model, Refused, edge

TASKS: Final = ("t1", "t2", "t3", "t4")
OWNERS: Final = ("ann", "bob")
AGENTS: Final = ("echo", "asker")
MESSAGES: Final = ("m1", "m2", "m3", "m4", "m5")
KEYS: Final = ("k1", "k2")
WORKERS: Final = ("", "worker-1")
MOMENTS: Final = tuple(START + timedelta(milliseconds=n) for n in (0, 1, 785))
STATES: Final = (TaskState.WORKING, TaskState.COMPLETED)
VALUES: Final = st.binary(max_size=3)
PUSHES: Final = ("p1", "p2", "p3")
HOSTS: Final = ("one.example", "two.example")
OfRuns: TypeAlias = Callable[[str], st.SearchStrategy[Write]]
PROGRESS: Final = st.builds(
    Progress,
    st.integers(0, 4),
    st.integers(0, 2),
    st.sampled_from(MOMENTS),
    st.sampled_from(["", "", "gone"]),
)


@st.composite
def transactions(draw: st.DrawFn, model: Model, of_runs: OfRuns) -> list[Write]:
    """One to four writes, each made for the store as the ones before it leave it.

    Rows of a task are only written when there is such a task: that is the caller's part.
    """
    ahead, writes = model.after([]), list[Write]()
    for _ in range(draw(st.integers(1, 4))):
        kinds = ["create", "reply"]
        if ahead.tasks:
            kinds += ["create", "task", "task", "task", "task", "push", "push", "run", "run", "run"]
        kind = draw(st.sampled_from(kinds))
        match kind:
            case "create":
                write = draw(creations())
            case "reply":
                write = draw(replies())
            case "task":
                write = draw(moves(ahead))
            case "push":
                write = draw(push_writes(ahead, draw(st.sampled_from(sorted(ahead.tasks)))))
            case _:
                write = draw(of_runs(draw(st.sampled_from(sorted(ahead.tasks)))))
        writes.append(write)
        try:
            ahead.write(write)
        except Refused:
            break
    return writes


@st.composite
def creations(draw: st.DrawFn) -> Write:
    begun = events(1, draw(st.integers(0, 2)))
    task = record(
        draw(st.sampled_from(TASKS)),
        owner=draw(st.sampled_from(OWNERS)),
        agent=draw(st.sampled_from(AGENTS)),
        status_at=draw(st.sampled_from(MOMENTS)),
        seq=len(begun),
    )
    return CreateTask(task, draw(st.sampled_from(MESSAGES)), begun)


def replies() -> st.SearchStrategy[PutReply]:
    sent = map(st.sampled_from, (OWNERS, AGENTS, MESSAGES))
    return st.builds(PutReply, *sent, st.sampled_from([b"{}", b"[]"]))


@st.composite
def moves(draw: st.DrawFn, model: Model) -> Write:
    """Of a task, with one to three events; some are of a kind that a store must refuse."""
    before = model.tasks[draw(st.sampled_from(sorted(model.tasks)))].record
    wrong = draw(st.sampled_from(["", "", "", "", "from", "number", "id"]))
    added = events(before.seq + 1, before.seq + draw(st.integers(1, 3)))
    if wrong == "number":
        added = (*added, event(draw(st.integers(1, added[-1].seq)), "new"))
    if wrong == "id":
        added = (*added, event(added[-1].seq + 1, f"event-{draw(st.integers(1, added[-1].seq))}"))
    after = before.moved(
        draw(st.sampled_from(STATES)), draw(st.sampled_from(MOMENTS)), events=len(added), asks=()
    )
    expected = before.seq - 1 if wrong == "from" else before.seq
    message_id = draw(st.sampled_from(["", "", *MESSAGES]))
    return MoveTask(after, expected, added, draw(st.none() | VALUES), message_id)


def run_writes(task_id: str) -> st.SearchStrategy[Write]:
    task, keys = st.just(task_id), st.sampled_from(KEYS)
    return st.one_of(
        st.builds(
            PutRun,
            task,
            st.sampled_from(AGENTS),
            st.sampled_from(RunState),
            st.integers(1, 5),
            st.sampled_from(WORKERS),
            st.integers(0, 2),
        ),
        st.builds(HoldRun, task, st.integers(0, 2)),
        st.builds(ReleaseRun, task),
        st.builds(
            ParkRun, task, st.lists(keys, unique=True).map(tuple), st.none() | st.floats(0, 1e6)
        ),
        st.builds(PutSignal, task, keys, VALUES, st.sampled_from(WORKERS)),
        journal_writes(task_id),
    )


def journal_writes(task_id: str) -> st.SearchStrategy[Write]:
    """What may be written of a run whoever works on it."""
    task, keys = st.just(task_id), st.sampled_from(KEYS)
    calls = st.builds(CallRow, task, keys, st.sampled_from(CallState), VALUES)
    return st.one_of(
        st.builds(AdvanceRun, task, st.integers(1, 5)),
        st.builds(PutSignal, task, keys, VALUES, st.just("")),
        st.builds(PutStep, task, keys, VALUES),
        st.builds(PutCall, calls),
    )


@st.composite
def push_writes(draw: st.DrawFn, model: Model, task_id: str) -> Write:
    """New configs and old ones; what came of a post is at times told of a row that was replaced."""
    row = PushRow(
        task_id,
        draw(st.sampled_from(PUSHES)),
        draw(st.sampled_from(HOSTS)),
        draw(VALUES),
        draw(PROGRESS),
    )
    rows = [*model.all_pushes(task_id), row]
    match draw(st.sampled_from(["put", "put", "drop", "move", "move"])):
        case "put":
            return PutPush(row, limit=2)
        case "drop":
            return DropPush(task_id, row.id)
        case _:
            found = draw(st.sampled_from(rows))
            lost = Undelivered(task_id, found.id, found.progress.done + 1, START, "no answer")
            return MovePush(found, draw(PROGRESS), draw(st.sampled_from([None, lost])))


QUERIES: Final = st.builds(
    Query,
    st.sampled_from(OWNERS),
    agent=st.sampled_from(AGENTS),
    context_id=st.sampled_from(["", "context of t1"]),
    state=st.sampled_from([None, *STATES]),
    since=st.sampled_from([None, *MOMENTS]),
    after=st.none() | st.builds(Position, st.sampled_from(MOMENTS), st.sampled_from(TASKS)),
    size=st.integers(1, 3),
)


class LedgerMachine(RuleBasedStateMachine):
    """The model, the store in memory and a store on disk, in lockstep."""

    of_runs: OfRuns = staticmethod(run_writes)

    def __init__(self) -> None:
        super().__init__()
        self._open = self.ready()
        self._opening = start_blocking_portal("asyncio")
        self._portal = self._opening.__enter__()
        self.model = Model()
        self.memory: Ledger = MemoryLedger()
        self.disk = self._portal.call(self._open)
        self._portal.call(self.disk.join, WORKERS[-1], lambda: None)
        self._portal.call(self.disk.aclose)  # it is on the list, and stays there
        self.disk = self._portal.call(self._open)

    def ready(self) -> Callable[[], Ledger]:
        """Have a place for a store, and say how it is opened."""
        self._folder = TemporaryDirectory()
        path = Path(self._folder.name) / "store.db"
        return lambda: SqliteLedger(path, durability="normal")

    def clean(self) -> None:
        """Have the place no more."""
        self._folder.cleanup()

    def teardown(self) -> None:
        self._portal.call(self.disk.aclose)
        self._opening.__exit__(None, None, None)
        self.clean()

    @rule(data=st.data())
    def somebody_commits(self, data: st.DataObject) -> None:
        writes = data.draw(transactions(self.model, type(self).of_runs))
        refused = self._refusal(writes)
        for store in (self.memory, self.disk):
            if refused is None:
                self._portal.call(store.commit, *writes)
            else:
                with pytest.raises(Conflict) as caught:
                    self._portal.call(store.commit, *writes)
                refusal = caught.value
                seen = refusal.seen if isinstance(refusal, MessageSeen) else None
                assert refused.seen == seen

    def _refusal(self, writes: list[Write]) -> Refused | None:
        """Put a transaction into the model; why not, when it is refused."""
        try:
            self.model = self.model.after(writes)
        except Refused as refused:
            return refused
        return None

    @rule()
    def the_process_ends_and_another_opens_the_store(self) -> None:
        self._portal.call(self.disk.aclose)
        self.disk = self._portal.call(self._open)

    @rule(query=QUERIES)
    def somebody_lists(self, query: Query) -> None:
        listed = self.model.listed(query)
        page = listed
        if query.after is not None:
            last = (query.after.status_at, query.after.task_id)
            page = [each for each in listed if edge(each) < last]
        for store in (self.memory, self.disk):
            found = self._portal.call(store.page, query)
            assert found == (page[: query.size + 1], len(listed))

    @invariant()
    def every_read_is_the_models(self) -> None:
        self._portal.call(self._compare, self.memory, self.disk)

    async def _compare(self, *stores: Ledger) -> None:
        for store in stores:
            for task_id in TASKS:
                stored = list(self.model.events.get(task_id, ()))
                assert await store.task(task_id) == self.model.tasks.get(task_id)
                assert await store.journal(task_id) == self.model.journal(task_id)
                assert await store.events(task_id) == stored
                assert await store.pushes(task_id) == self.model.all_pushes(task_id)
                assert await store.events(task_id, after=1, limit=2) == stored[1:3]
            assert await store.runs() == self.model.all_runs()
            assert await store.outbox(limit=9) == self.model.outbox()[:9]
            assert await store.outbox(limit=1, without=HOSTS[:1]) == self.model.outbox(HOSTS[0])[:1]
            assert await store.undelivered(limit=9) == self.model.given_up()[:9]
            for key in product(OWNERS, AGENTS, MESSAGES):
                assert await store.seen(*key) == self.model.messages.get(key)


class PostgresMachine(LedgerMachine):
    """The same on PostgreSQL, where who works on a run is not the ledger's to write."""

    of_runs: OfRuns = staticmethod(journal_writes)

    def ready(self) -> Callable[[], Ledger]:
        self._database = postgres.or_skip(postgres.shared).store()
        url = self._database.__enter__()
        return lambda: PostgresLedger(url)

    def clean(self) -> None:
        self._database.__exit__(None, None, None)


TestLedgersOnPostgres = PostgresMachine.TestCase
TestLedgersOnPostgres.settings = settings(max_examples=4, stateful_step_count=12, deadline=None)
TestLedgers = LedgerMachine.TestCase
TestLedgers.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
