"""The parts of the demo of replicas: the proxy, the depot's book, what is made of what was seen."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream

from demo import replicas
from demo.courier import STOPS
from demo.curtain import Unexpected, leaves
from demo.depot import stamps
from demo.follower import Seen
from demo.processes import HOST, free_port
from demo.proxy import RoundRobin
from demo.transcript import Transcript

WAIT_S = 20


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def answering(word: bytes) -> AsyncGenerator[int]:
    """A server that says a word to whoever connects, then echoes; its port."""
    port = free_port()

    async def serve(client: SocketStream) -> None:
        async with client:
            await client.send(word)
            async for said in client:
                await client.send(said)

    listener = await anyio.create_tcp_listener(local_host=HOST, local_port=port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        yield port
        group.cancel_scope.cancel()


@asynccontextmanager
async def proxied(*ports: int) -> AsyncGenerator[int]:
    """The proxy before some ports; its own."""
    port = free_port()
    with anyio.fail_after(WAIT_S):
        async with anyio.create_task_group() as group:
            await group.start(RoundRobin(ports).serve, port)
            yield port
            group.cancel_scope.cancel()


async def test_each_connection_goes_to_the_next_replica() -> None:
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(answering(word)) for word in (b"one", b"two")]
        port = await stack.enter_async_context(proxied(*ports))
        heard: list[bytes] = []
        for _ in range(3):
            async with await anyio.connect_tcp(HOST, port) as client:
                heard.append(await client.receive())
                await client.send(b"hello")
                assert await client.receive() == b"hello"

    assert heard == [b"one", b"two", b"one"]


async def test_replica_that_is_down_is_passed_over() -> None:
    async with answering(b"up") as up, proxied(free_port(), up) as port:
        for _ in range(2):
            async with await anyio.connect_tcp(HOST, port) as client:
                assert await client.receive() == b"up"


async def test_client_is_told_by_the_end_of_its_connection_when_all_are_down() -> None:
    async with proxied(free_port()) as port, await anyio.connect_tcp(HOST, port) as client:
        with pytest.raises(anyio.EndOfStream):
            await client.receive()


def delivered(parcel: str) -> Seen:
    says = [f"{parcel} is at stop {stop}" for stop in range(1, STOPS + 1)]
    numbers = list(range(1, STOPS + 5))
    return Seen(parcel, numbers, says, "COMPLETED", f"{parcel}: delivered")


def weighed(tmp_path: Path, seen: Seen, book: list[str]) -> str:
    """What the demo says in the end of one client and the depot's book."""
    stage = replicas.set_up(tmp_path)
    stage.seen.append(seen)
    stage.book.write_text("".join(f"{line}\n" for line in book), "utf-8")
    out = io.StringIO()
    replicas.weigh(stage, Transcript(out))
    return out.getvalue()


STAMPED = [f"parcel 1, stop {stop}" for stop in range(1, STOPS + 1)]


def test_whole_story_is_counted(tmp_path: Path) -> None:
    said = weighed(tmp_path, delivered("parcel 1"), STAMPED)

    assert "tasks: 1 of 1 completed" in said
    assert f"stamps: {STOPS} for {STOPS} stops" in said


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"state": "WORKING"}, "was lost"),
        ({"numbers": [1, 2, 4]}, "the numbers of its events"),
        ({"numbers": [1, 2, 2, 3]}, "the numbers of its events"),
        ({"says": ["parcel 1 is at stop 1"]}, "the agent said"),
    ],
)
def test_client_that_saw_otherwise_fails_the_demo(
    tmp_path: Path, change: dict[str, object], why: str
) -> None:
    seen = delivered("parcel 1")
    for name, value in change.items():
        setattr(seen, name, value)
    with pytest.raises(Unexpected, match=why):
        weighed(tmp_path, seen, STAMPED)


@pytest.mark.parametrize("book", [STAMPED[:-1], [*STAMPED, STAMPED[0]]])
def test_stamp_that_is_missing_or_there_twice_fails_the_demo(
    tmp_path: Path, book: list[str]
) -> None:
    with pytest.raises(Unexpected, match="the book has"):
        weighed(tmp_path, delivered("parcel 1"), book)


def test_book_counts_each_stamp() -> None:
    assert stamps("a, stop 1\na, stop 1\nb, stop 2\n") == {"a, stop 1": 2, "b, stop 2": 1}


async def test_replica_that_dies_ends_the_demo_with_its_own_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`ours`: in words, although the replicas are started in a group of tasks."""
    stage = replicas.set_up(tmp_path)
    for number, replica in enumerate(stage.replicas, start=1):
        mute = f"import signal; print('this is {number}', flush=True); signal.pause()"
        replica.service.command = [sys.executable, "-c", mute]
    stage.replicas[1].service.command = [sys.executable, "-c", "import sys; sys.exit('no store')"]

    with anyio.fail_after(WAIT_S):
        assert await replicas.play(stage, Transcript(io.StringIO())) == 1

    said = capfd.readouterr().err
    assert "The demo failed: the replica 2 ended with status 1\n  | no store\n" in said
    assert "TaskGroup" not in said
    assert all(each.service.pid is None for each in stage.replicas)


def test_errors_within_groups_are_told_one_by_one() -> None:
    """`ours`: a group says no more than how many there are."""
    first, second = OSError("one"), OSError("two")
    inner = ExceptionGroup("inner", [first])
    assert list(leaves(ExceptionGroup("outer", [inner, second]))) == [first, second]
