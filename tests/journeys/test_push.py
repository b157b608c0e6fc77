"""A task that is followed by post: a real receiver, over a real socket, whatever happens to us.

Source: A2A 3.1.7, 3.5.3, 4.3.3 and 13.2; order, repeats and signatures are ours.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import anyio
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from interloom.agents import Context, agent
from interloom.runtime.core.egress import Egress
from interloom.runtime.engine.outbox import Posting
from interloom.runtime.model import (
    AuthenticationInfo,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    Task,
    TaskPushNotificationConfig,
    TaskState,
)
from interloom.runtime.net.guard import Guard
from interloom.runtime.testing.agents import FORM
from interloom.runtime.testing.pair import PATIENT, World
from interloom.runtime.wire.keys import public_keys, signing_key
from interloom.runtime.wire.webhooks import HmacSigner, JwtSigner, check_hmac, check_jwt
from tests.journeys.matrix import DISASTERS, Stage
from tests.runtime.net.hostile import Answer, Seen, head, in_turn, never, reply, sends, serving

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of a published example
POSTING: Final = Posting(Guard(Egress.of(["127.0.0.1"])))
SETTINGS: Final = replace(PATIENT, push=POSTING)
OK: Final = reply(b"", status=204)
AWAY: Final = reply(b"", status=503)


@agent(description="Asks once, and says what it was told.")
async def asker(ctx: Context) -> str:
    return str(await ctx.ask("Where to?", FORM))


class Webhook:
    """A receiver on loopback.

    Attributes:
        url: Where it is.
        posts: What it has had, in order.
    """

    def __init__(self, answer: Answer) -> None:
        self.url = ""
        self.posts: list[Seen] = []
        self._answer = answer
        self._changed = anyio.Event()

    async def take(self, seen: Seen) -> None:
        self.posts.append(seen)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        await self._answer(seen)

    async def until(self, state: TaskState) -> list[str]:
        """Wait for the news that a task is in a state; the ids of all events, in order."""
        while not any(f'"{state.value}"'.encode() in seen.body for seen in self.posts):
            await self._changed.wait()
        return self.events

    async def until_posts(self, number: int) -> None:
        while len(self.posts) < number:
            await self._changed.wait()

    @property
    def events(self) -> list[str]:
        """The ids of all events it was told of, in order, repeats included."""
        return [seen.headers["webhook-id"] for seen in self.posts]

    @property
    def settings(self) -> SendMessageConfiguration:
        """What has the events of a task posted here."""
        info = AuthenticationInfo(scheme="Bearer", credentials="let me in")
        config = TaskPushNotificationConfig(
            id="hook",
            url=self.url,
            token="t0ken",  # noqa: S106 - of nobody
            authentication=info,
        )
        return SendMessageConfiguration(task_push_notification_config=config)


@asynccontextmanager
async def webhook(answer: Answer = OK) -> AsyncGenerator[Webhook]:
    made = Webhook(answer)
    async with serving(made.take) as server:
        made.url = server.url
        yield made


def said(text: str, task: Task | None = None) -> Message:
    task_id = "" if task is None else task.id
    parts = (Part(text=text),)
    return Message(message_id=f"say {text}", task_id=task_id, role=Role.USER, parts=parts)


async def begin(stage: Stage, world: World, hook: Webhook) -> Task:
    """Begin a task that asks, followed by post."""
    task = await stage.client(world, "asker").send(said("hello"), configuration=hook.settings)
    assert isinstance(task, Task)
    assert task.status.state is TaskState.INPUT_REQUIRED
    return task


async def answer(stage: Stage, world: World, task: Task) -> None:
    done = await stage.client(world, "asker").send(said("Lisbon", task))
    assert isinstance(done, Task)
    assert done.status.state is TaskState.COMPLETED


async def all_events(world: World, task: Task) -> list[str]:
    """What the ids of a task's events are."""
    return [f"{task.id}/{event.seq}" for event in await world.ledger.events(task.id)]


async def test_whole_conversation_is_posted_as_a_stream_would_show_it(stage: Stage) -> None:
    async with webhook() as hook, stage.play(asker, settings=SETTINGS) as world:
        task = await begin(stage, world, hook)
        await answer(stage, world, task)
        await hook.until(TaskState.COMPLETED)
        assert hook.events == await all_events(world, task)
        stored = await world.ledger.events(task.id)
        bodies = [event.response(task.id, task.context_id) for event in stored]
        assert [seen.body for seen in hook.posts] == bodies
        assert list(orjson.loads(bodies[0])) == ["task"]
        for seen in hook.posts:
            assert seen.headers["authorization"] == "Bearer let me in"
            assert seen.headers["x-a2a-notification-token"] == "t0ken"
            assert seen.headers["content-type"] == "application/a2a+json"


@pytest.mark.parametrize("disaster", DISASTERS)
async def test_receiver_misses_nothing_whatever_happens_to_us(stage: Stage, disaster: str) -> None:
    async with webhook() as hook, stage.play(asker, settings=SETTINGS) as world:
        task = await begin(stage, world, hook)
        await DISASTERS[disaster](world)
        await answer(stage, world, task)
        await hook.until(TaskState.COMPLETED)
        expected = await all_events(world, task)
        assert list(dict.fromkeys(hook.events)) == expected


async def test_receiver_that_was_away_gets_everything_in_order(stage: Stage) -> None:
    async with webhook(in_turn(AWAY, OK)) as hook, stage.play(asker, settings=SETTINGS) as world:
        task = await begin(stage, world, hook)
        await answer(stage, world, task)
        await hook.until(TaskState.COMPLETED)
        events = await all_events(world, task)
        assert hook.events == [events[0], *events]


async def test_post_without_an_answer_is_made_again_after_a_crash(stage: Stage) -> None:
    """At least once: the receiver had it, and we cannot know."""
    async with webhook(in_turn(never, OK)) as hook, stage.play(asker, settings=SETTINGS) as world:
        task = await begin(stage, world, hook)
        await hook.until_posts(1)
        await world.crash()
        await answer(stage, world, task)
        await hook.until(TaskState.COMPLETED)
        events = await all_events(world, task)
        assert hook.events == [events[0], *events]


async def test_receiver_that_is_gone_hears_no_more_and_the_task_goes_on(stage: Stage) -> None:
    async with webhook(reply(b"", status=410)) as hook:
        async with stage.play(asker, settings=SETTINGS) as world:
            task = await begin(stage, world, hook)
            await hook.until_posts(1)
            while not await world.ledger.undelivered(limit=1):
                await anyio.lowlevel.checkpoint()
            await answer(stage, world, task)
        assert hook.events == [f"{task.id}/1"]


async def test_secret_does_not_follow_a_redirect(stage: Stage) -> None:
    async with webhook() as elsewhere:
        moved = sends(head(307, {"Location": elsewhere.url, "Content-Length": "0"}))
        async with webhook(moved) as hook, stage.play(asker, settings=SETTINGS) as world:
            task = await begin(stage, world, hook)
            await answer(stage, world, task)
            await hook.until(TaskState.COMPLETED)
        assert elsewhere.posts == []


async def test_receiver_can_make_sure_who_posts(stage: Stage) -> None:
    """With what both know, or with the key we publish."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    issuer = PATIENT.base_url
    signers = HmacSigner.of(SECRET), JwtSigner(signing_key(pem), issuer)
    settings = replace(PATIENT, push=replace(POSTING, signers=signers))
    async with webhook() as hook, stage.play(asker, settings=settings) as world:
        await begin(stage, world, hook)
        await hook.until(TaskState.INPUT_REQUIRED)
        url = f"{issuer}/.well-known/jwks.json"
        async with world.port.send("GET", url, headers={}) as page:
            keys = public_keys(await page.read())
        now = datetime.now(UTC)
        for seen, event in zip(hook.posts, hook.events, strict=True):
            assert check_hmac(seen.headers, seen.body, secret=SECRET, now=now) == event
            found = check_jwt(
                seen.headers, seen.body, keys=keys, issuer=issuer, url=hook.url, now=now
            )
            assert found == event
