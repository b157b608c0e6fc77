"""Bodies that are too large, too slow or never whole; clients that go away."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import orjson
import pytest
from anyio.lowlevel import checkpoint

from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.model import Message, Part, Role, TaskState
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.wire.card import About
from tests.runtime.serve.raw import HEADERS, LIMITS, message, running

SMALL = BodyLimits(max_bytes=1000, max_s=0.2)


def request(text: str = "hi") -> bytes:
    """A proper SendMessage."""
    params = {"message": message(text)}
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params})


async def test_body_that_announces_too_much_is_refused_unread() -> None:
    """RFC 9110 15.5.14: 413; the announcement is enough."""
    async with running(limits=SMALL) as server:
        headers = {**HEADERS, "content-length": "1001"}
        answer = await server.ask(b"{", headers=headers, end="stalls")

    answer.is_refusal(-32600, "REQUEST_TOO_LARGE", status=413, call_id=None)
    assert answer.error["message"] == "the body is over 1000 bytes"


OVERSIZED = {
    "in one piece": (b"x" * 1001,),
    "in many": (b"x",) * 1001,
    "at the very end": (b"x" * 1000, b"x"),
}


@pytest.mark.parametrize("chunks", OVERSIZED.values(), ids=OVERSIZED)
@pytest.mark.parametrize("announced", [None, "10", "nonsense", "-1", "9" * 30])
async def test_body_that_grows_too_large_is_refused(
    chunks: tuple[bytes, ...], announced: str | None
) -> None:
    """RFC 9110 15.5.14: 413, whatever was announced, or nothing (chunked)."""
    headers = HEADERS if announced is None else {**HEADERS, "content-length": announced}
    async with running(limits=SMALL) as server:
        answer = await server.ask(*chunks, headers=headers)

    answer.is_refusal(-32600, "REQUEST_TOO_LARGE", status=413, call_id=None)


async def test_body_of_exactly_the_limit_is_taken() -> None:
    """Ours: a limit is the largest size that passes."""
    async with running(limits=SMALL) as server:
        body = request().ljust(1000)
        whole = await server.ask(body, headers={**HEADERS, "content-length": "1000"})
        in_pieces = await server.ask(*(bytes([each]) for each in request().ljust(1000)))

    assert "task" in whole.result
    assert "task" in in_pieces.result


async def test_body_that_does_not_come_is_timed_out() -> None:
    """RFC 9110 15.5.9: 408; the limit is on the whole body, not on its pieces."""
    async with running() as server:
        answer = await server.ask(request()[:50], end="stalls")

    answer.is_refusal(-32600, "REQUEST_TOO_SLOW", status=408, call_id=None)
    assert answer.error["message"] == f"the body did not arrive within {LIMITS.max_s:g} s"


@pytest.mark.parametrize("sent", [0, 1, 50])
async def test_client_that_leaves_mid_body_is_not_answered(sent: int) -> None:
    """Ours: there is nobody to answer, and nothing has begun."""
    async with running() as server:
        answer = await server.ask(request()[:sent], end="leaves")
        listed = (await server.call("ListTasks", {})).result

    assert (answer.status, answer.body) == (0, b"")
    assert listed["totalSize"] == 0


class Patient:
    """An agent that waits to be let through, and tells of it."""

    def __init__(self) -> None:
        self.begun, self.opened = anyio.Event(), anyio.Event()
        self.agent = Agent(About("patient", "Waits."), self.wait)

    async def wait(self, task: TaskContext) -> tuple[Product, ...]:
        """Waits."""
        self.begun.set()
        await self.opened.wait()
        for number in range(3):
            await task.status(f"step {number}")
        return ()


async def test_client_that_leaves_mid_stream_costs_the_others_nothing() -> None:
    """A2A 3.5.2: another stream of the same task goes on to its end."""
    patient = Patient()
    async with running(patient.agent) as server:
        client = server.world.client("patient")
        sent = Message(message_id="m", role=Role.USER, parts=(Part(text="go"),))
        async with aclosing(client.stream(sent)) as left:
            first = await anext(left)
        assert first.task is not None
        async with aclosing(client.subscribe(first.task.id)) as stays:
            await anext(stays)
            patient.opened.set()
            states = [each.status_update.status.state async for each in stays if each.status_update]
        while server.world.port.open:  # the stream nobody reads ends with its task
            await checkpoint()

    assert states == [TaskState.WORKING] * 3 + [TaskState.COMPLETED]


async def test_silent_stream_is_kept_alive_and_ends_when_its_client_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """WHATWG HTML 9.2: comments keep a stream alive; a client that left is noticed by then."""
    monkeypatch.setattr("interloom.runtime.serve.replies.BEAT_S", 0.01)
    async with running() as server:
        task_id = str((await server.task("asker"))["id"])
        frame = {"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": {"id": task_id}}
        port, seen = server.world.port, b""
        async with port.send(
            "POST", server.world.url("asker"), headers=HEADERS, body=orjson.dumps(frame)
        ) as reply:
            async for chunk in reply.chunks():
                seen += chunk
                if seen.endswith(b"\n\n:\n\n"):
                    break
        while port.open:
            await checkpoint()
        after = await server.call("GetTask", {"id": task_id}, agent="asker")

    assert b'"state":"TASK_STATE_INPUT_REQUIRED"' in seen
    assert after.status == 200


async def test_client_that_leaves_a_blocking_send_finds_its_task_again() -> None:
    """A2A 3.3.1: the answer was lost, the message was not; sending it again gives the task."""
    patient = Patient()
    async with running(patient.agent) as server:
        client = server.world.client("patient")
        sent = Message(message_id="m", role=Role.USER, parts=(Part(text="go"),))
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(client.send, sent)
                await patient.begun.wait()
                scope.cancel()
        patient.opened.set()
        task = await client.send(sent)
        listed = await client.list()

    assert listed.total_size == 1
    assert listed.tasks[0].id == getattr(task, "id", None)
    assert listed.tasks[0].status.state is TaskState.COMPLETED
