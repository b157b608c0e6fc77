"""Events are posted at least once, in order, across failures and restarts, and given up at last.

Source: A2A 4.3.3 and 13.2; order, numbers and dead letters are ours.
"""

from __future__ import annotations

import anyio
import orjson
import pytest

from interloom.runtime.core.outbox import MAX_ATTEMPTS, Progress, Undelivered
from interloom.runtime.engine.outbox import IN_FLIGHT, PER_HOST, Outbox, Posting
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import DropPush, MovePush, PushRow, PutPush
from interloom.runtime.testing import FakeClock
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.in_process import in_process
from interloom.runtime.testing.samples import creation, move, record
from interloom.runtime.testing.tapped import TappedLedger
from tests.runtime.engine.desk import LIMIT_S, config, desk, names
from tests.runtime.engine.house import Store, opened, quiet
from tests.runtime.engine.receiver import Receiver, Reply

BUSY = Reply(503)


async def test_events_of_a_task_are_posted_in_order(store: Store) -> None:
    """A2A 4.3.3: each is a StreamResponse, the first of them the Task."""
    async with desk(store) as (office, _):
        await office.begin(config(), events=2)
        for seq in (3, 4):
            await office.ledger.commit(move(seq))
        await office.settled(4)
        assert names(office.receiver.posts) == [f"task-1/{seq}" for seq in (1, 2, 3, 4)]
        bodies = [orjson.loads(post.body) for post in office.receiver.posts]
        assert [list(body) for body in bodies] == [["task"], *[["statusUpdate"]] * 3]
        assert [body["statusUpdate"]["status"]["seq"] for body in bodies[1:]] == [2, 3, 4]
        assert await office.ledger.outbox(limit=9) == []


async def test_post_proves_itself_as_the_config_says(store: Store) -> None:
    async with desk(store) as (office, _):
        await office.begin(config())
        (post,) = await office.receiver.until(1)
        assert post.path == "/p"
        assert (
            post.headers.items()
            >= {
                "content-type": "application/a2a+json",
                "a2a-version": "1.0",
                "authorization": "Bearer s3cret-credentials",
                "x-a2a-notification-token": "s3cret-token",
                "webhook-timestamp": str(int(START.timestamp())),
            }.items()
        )
        assert post.headers["traceparent"].startswith("00-")


async def test_failed_post_is_made_again_and_holds_up_those_behind_it(store: Store) -> None:
    """In order per task and config; another config of the task is not held up."""
    async with desk(store) as (office, _):
        office.receiver.choose = lambda post: BUSY if post.path == "/p" else Reply()
        await office.begin(config(), events=2)
        await office.ledger.commit(PutPush(config(push_id="q"), 9))
        await office.settled(3)
        assert sorted(post.path for post in office.receiver.posts) == ["/p", "/q", "/q"]
        office.receiver.choose = None
        await office.wait(0.4)
        assert len(office.receiver.posts) == 3
        await office.wait(0.6)
        await office.settled(5)
        assert names([post for post in office.receiver.posts if post.path == "/p"]) == [
            "task-1/1",
            "task-1/1",
            "task-1/2",
        ]


async def test_receiver_that_names_a_time_is_left_in_peace_until_then(store: Store) -> None:
    """RFC 9110 10.2.3."""
    async with desk(store, Reply(429, (("retry-after", "600"),))) as (office, _):
        await office.begin(config())
        await office.settled(1)
        await office.wait(599)
        assert len(office.receiver.posts) == 1
        await office.wait(1)
        await office.settled(2)
        assert names(office.receiver.posts) == ["task-1/1"] * 2


@pytest.mark.parametrize("status", [400, 401, 404, 302, 307])
async def test_event_that_is_refused_is_a_dead_letter_and_the_next_one_is_posted(
    store: Store, status: int
) -> None:
    """A redirect counts as a refusal: secrets go to the place they were given for."""
    away = (("location", "https://elsewhere.example/"),)
    async with desk(store, Reply(status, away)) as (office, _):
        await office.begin(config(), events=2)
        await office.settled(2)
        assert names(office.receiver.posts) == ["task-1/1", "task-1/2"]
        assert {post.host for post in office.receiver.posts} == {"hooks.example"}
        reason = f"the receiver answered {status}"
        lost = Undelivered("task-1", "p", 1, START, reason)
        assert await office.ledger.undelivered(limit=9) == [lost]


async def test_receiver_that_is_gone_is_posted_to_no_more(store: Store) -> None:
    """RFC 9110 15.5.11."""
    async with desk(store, Reply(410)) as (office, _):
        await office.begin(config(), events=2)
        await office.settled(1)
        await office.ledger.commit(move(3))
        await office.wait(100_000)
        assert names(office.receiver.posts) == ["task-1/1"]
        (row,) = await office.ledger.pushes("task-1")
        assert row.progress == Progress(0, 1, None, "the receiver answered 410")
        assert [letter.seq for letter in await office.ledger.undelivered(limit=9)] == [1]


async def test_receiver_that_never_recovers_is_given_up(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(store, *[BUSY] * 20) as (office, _):
        await office.begin(config())
        for attempt in range(1, MAX_ATTEMPTS + 1):
            await office.settled(attempt)
            await office.wait(3600)
        assert names(office.receiver.posts) == ["task-1/1"] * MAX_ATTEMPTS
        (letter,) = await office.ledger.undelivered(limit=9)
        assert letter.reason == "the receiver answered 503, 8 times"
    told = [each.getMessage() for each in caplog.records]
    assert told == [*["push.failed"] * (MAX_ATTEMPTS - 1), "push.gave_up"]
    for each in caplog.records:
        assert "s3cret" not in str(vars(each))


async def test_nobody_who_answers_is_a_failure_like_another(store: Store) -> None:
    async with desk(store) as (office, _):
        office.http.app = None
        await office.begin(config())
        await office.settled(1)
        office.http.app = office.receiver
        await office.wait(1)
        await office.receiver.until(1)


async def test_post_that_was_under_way_in_a_crash_is_made_again(store: Store) -> None:
    """At least once: the receiver may have had it, and knows it by its id."""
    never = anyio.Event()
    async with desk(store, Reply(when=never)) as (office, group):
        await office.begin(config(), events=2)
        await office.receiver.until(1)
        await office.kill(group)
        await office.settled(2)
        assert names(office.receiver.posts) == ["task-1/1", "task-1/1", "task-1/2"]


async def test_post_that_ends_while_the_outbox_is_read_is_not_made_again(store: Store) -> None:
    """What was read before the outcome was stored says that it is still to be posted."""
    answer = anyio.Event()
    async with desk(store, Reply(when=answer)) as (office, _):
        await office.begin(config(), events=2)
        await office.receiver.until(1)
        gate = office.reader.hold()
        office.worker.nudge()
        await office.reader.held.wait()
        answer.set()
        await office.settled(1)
        gate.set()
        await office.settled(2)
        assert names(office.receiver.posts) == ["task-1/1", "task-1/2"]


async def test_failures_are_counted_across_restarts(store: Store) -> None:
    async with desk(store, *[BUSY] * 20) as (office, group):
        await office.begin(config())
        for attempt in range(1, MAX_ATTEMPTS + 1):
            await office.settled(attempt)
            await office.kill(group)
            await office.wait(3600)
        assert len(office.receiver.posts) == MAX_ATTEMPTS


async def test_config_that_is_deleted_gets_nothing_more(store: Store) -> None:
    """A2A 3.1.10: not even what is on its way; another config of the task does."""
    never = anyio.Event()
    async with desk(store) as (office, _):
        office.receiver.choose = lambda post: Reply(when=never if post.path == "/p" else None)
        await office.begin(config(), events=2)
        await office.ledger.commit(PutPush(config(push_id="q"), 9))
        await office.settled(2)
        await office.ledger.commit(DropPush("task-1", "p"))
        office.worker.drop("task-1", "p")
        office.worker.drop("task-1", "never was")
        while office.receiver.open:
            await anyio.lowlevel.checkpoint()
        await office.ledger.commit(move(3))
        await office.settled(3)
        assert sorted(post.path for post in office.receiver.posts) == ["/p", "/q", "/q", "/q"]


async def test_host_that_is_slow_does_not_hold_up_the_others(store: Store) -> None:
    answer = anyio.Event()
    async with desk(store) as (office, _):
        slow = [config(f"slow-{n:02}", host="slow.example") for n in range(IN_FLIGHT + 8)]
        office.receiver.choose = lambda post: Reply(
            when=answer if post.host == "slow.example" else None
        )
        await office.begin(*slow)
        await office.receiver.until(PER_HOST)
        await office.begin(config("quick", host="quick.example"), events=3)
        await office.settled(3)
        hosts = [post.host for post in office.receiver.posts]
        assert hosts.count("slow.example") == PER_HOST
        assert hosts.count("quick.example") == 3
        answer.set()
        await office.settled(3 + len(slow))
        assert office.receiver.open == 0


async def test_posts_under_way_are_bounded(store: Store) -> None:
    answer = anyio.Event()
    async with desk(store) as (office, _):
        rows = [config(f"task-{n:02}", host=f"h{n}.example") for n in range(IN_FLIGHT + 8)]
        office.receiver.choose = lambda _: Reply(when=answer)
        await office.begin(*rows)
        await office.receiver.until(IN_FLIGHT)
        await quiet()
        assert len(office.receiver.posts) == IN_FLIGHT
        answer.set()
        await office.settled(len(rows))
        assert office.receiver.most == IN_FLIGHT


async def test_store_that_takes_no_writes_loses_nothing(store: Store) -> None:
    """What was posted and not noted is posted again."""
    async with desk(store) as (office, _):
        await office.begin(config(), events=2)
        office.ledger.fail(2)
        await office.ledger.until(lambda write: isinstance(write, MovePush), 2)
        await quiet()
        assert names(office.receiver.posts)[-1] == "task-1/2"
        assert sorted(set(names(office.receiver.posts))) == ["task-1/1", "task-1/2"]
        assert await office.ledger.outbox(limit=9) == []


async def test_config_that_cannot_be_read_is_given_up_like_one_that_does_not_answer(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """A row that breaks the worker would break it for everybody."""
    async with desk(store) as (office, _):
        broken = config("broken")
        broken = PushRow("broken", "p", broken.host, b'{"url":', broken.progress)
        await office.begin(broken, config())
        await office.settled(2)
        assert names(office.receiver.posts) == ["task-1/1"]
        (row,) = await office.ledger.pushes("broken")
        assert row.progress.attempts == 1
    assert [each.getMessage() for each in caplog.records] == ["push.broke", "push.failed"]


async def test_drained_worker_ends_what_it_began_and_begins_nothing(store: Store) -> None:
    answer = anyio.Event()
    async with desk(store, Reply(when=answer)) as (office, group):
        await office.begin(config(), events=2)
        await office.receiver.until(1)
        group.start_soon(office.worker.drain)
        await quiet()
        answer.set()
        await office.settled(1)
        assert names(office.receiver.posts) == ["task-1/1"]
        (row,) = await office.ledger.outbox(limit=9)
        assert row.progress == Progress(1, due=START)


async def test_worker_breaks_off_at_last_what_does_not_end(store: Store) -> None:
    never = anyio.Event()
    async with desk(store, Reply(when=never)) as (office, _):
        await office.begin(config())
        await office.receiver.until(1)
        await office.worker.drain(0)
        while office.receiver.open:
            await anyio.lowlevel.checkpoint()
        assert await office.ledger.outbox(limit=9) == [config()]


async def test_ledger_is_asked_again_when_it_could_not_be_read(store: Store) -> None:
    class Unsure(TappedLedger):
        asked = 0

        async def outbox(self, *, limit: int, without: object = ()) -> list[PushRow]:
            self.asked += 1
            if self.asked == 1:
                raise OSError("no")
            return await super().outbox(limit=limit)

    receiver = Receiver()
    async with opened(store) as inner, in_process(receiver) as http:
        ledger: Ledger = Unsure(inner)
        await ledger.commit(*creation(record(seq=1)), PutPush(config(), 9))
        worker = Outbox(ledger, http, FakeClock(), Posting(), retry_s=0)
        with anyio.fail_after(LIMIT_S):
            async with anyio.create_task_group() as group:
                await group.start(worker.serve)
                await receiver.until(1)
                await worker.drain()
