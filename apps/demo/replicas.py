"""The demo of replicas: three processes serve one store, and are killed while clients watch.

A tool server, three replicas of the runtime, a plain round-robin proxy in front of them, and
clients built with the official A2A SDK. One replica after the other is killed with SIGKILL and
started again. The exit status is 0 only if every client saw every event once and in order, no task
was lost and no call of the tool was repeated.

The store is an SQLite file, or what STORE in the environment says: `postgresql://…`.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from demo.courier import STOPS
from demo.curtain import Unexpected, leaves, played
from demo.depot import stamps
from demo.follower import Follower, Seen
from demo.processes import HOST, Service, ServiceDied, free_port, nobody_listens, read, tail
from demo.proxy import RoundRobin
from demo.transcript import Transcript

HERE = Path(__file__).resolve().parent
REPLICAS = 3
CLIENTS = 4
KILLS = 5
PAUSE_S = 0.7
STORY_S = 58.0


@dataclass(slots=True)
class Replica:
    """A place where one process after another serves the store."""

    service: Service
    port: int

    async def start(self) -> None:
        """Start a process and wait until it takes connections."""
        await self.service.start(lambda: nobody_listens(self.port))


@dataclass(slots=True)
class Stage:
    """Everything that takes part, and the files it leaves."""

    depot: Service
    depot_port: int
    book: Path
    replicas: list[Replica]
    proxy_port: int
    store: str
    kills: int = 0
    seen: list[Seen] = field(default_factory=list[Seen])

    @property
    def url(self) -> str:
        """Where clients go."""
        return f"http://{HOST}:{self.proxy_port}"

    def stamps(self) -> Counter[str]:
        """What the depot really did."""
        return stamps(read(self.book))


def set_up(folder: Path) -> Stage:
    """Choose ports and files; nothing is started yet."""
    depot_port, proxy_port, book = free_port(), free_port(), folder / "book"
    store = os.environ.get("STORE") or f"sqlite:///{folder / 'tasks.db'}"
    environment = {
        "DEPOT_URL": f"http://{HOST}:{depot_port}/mcp",
        "PROXY_URL": f"http://{HOST}:{proxy_port}",
        "STORE": store,
    }
    depot = Service(
        "depot",
        [sys.executable, str(HERE / "depot.py"), f"--port={depot_port}", f"--book={book}"],
        log=folder / "depot.log",
    )
    replicas: list[Replica] = []
    for number in range(1, REPLICAS + 1):
        port = free_port()
        command = [sys.executable, "-m", "interloom.apps.cli", "run", str(HERE / "replicas.yaml")]
        command += ["--port", str(port), "--log-level", "warning"]
        log = folder / f"replica-{number}.log"
        replicas.append(Replica(Service(f"replica {number}", command, log, environment), port))
    return Stage(depot, depot_port, book, replicas, proxy_port, store)


async def tell_story(stage: Stage, tell: Transcript) -> None:
    """All of it, in order.

    Raises:
        ServiceDied: A process did that was not killed by us.
    """
    tell.title("Three replicas serve one store. They are killed, one by one, while clients watch.")
    await stage.depot.start(lambda: nobody_listens(stage.depot_port))
    tell.does("depot", f"process {stage.depot.pid} is up: MCP, one tool, `stamp`, and its book")
    async with anyio.create_task_group() as group:
        for replica in stage.replicas:
            group.start_soon(replica.start)
    for replica in stage.replicas:
        tell.does(
            replica.service.name, f"process {replica.service.pid} is up, on port {replica.port}"
        )
    kind = stage.store.partition(":")[0]
    tell.does("proxy", f"{stage.url}, each connection to the next replica; the store is {kind}")
    tell.note(
        f"{CLIENTS} clients send parcels through it; each has {STOPS} stops, with a call each."
    )
    tell.gap()
    proxy = RoundRobin([replica.port for replica in stage.replicas])
    async with anyio.create_task_group() as proxying:
        await proxying.start(proxy.serve, stage.proxy_port)
        async with anyio.create_task_group() as group:
            for _ in range(CLIENTS):
                group.start_soon(_send_parcels, stage, tell)
            await _kill_in_turn(stage, tell)
        proxying.cancel_scope.cancel()


async def _send_parcels(stage: Stage, tell: Transcript) -> None:
    """One parcel after the other, as long as there are kills to come."""
    while stage.kills < KILLS:
        follower = Follower(f"parcel {len(stage.seen) + 1}", stage.url, tell, stage.stamps)
        stage.seen.append(follower.seen)
        seen = await follower.run()
        tell.says(seen.parcel, seen.artifact)
        if seen.broken and seen.is_whole:
            tell.note(
                f"{len(seen.numbers)} events, each once and in order, on {seen.broken + 1} streams."
            )


async def _kill_in_turn(stage: Stage, tell: Transcript) -> None:
    while stage.kills < KILLS:
        replica = stage.replicas[stage.kills % REPLICAS]
        await anyio.sleep(PAUSE_S)
        tell.does(replica.service.name, f"process {replica.service.pid} is killed with SIGKILL")
        await replica.service.kill()
        stage.kills += 1
        await replica.start()
        tell.does(replica.service.name, f"process {replica.service.pid} is up in its place")


def weigh(stage: Stage, tell: Transcript) -> None:
    """Hold what the clients saw against what the story promises.

    Raises:
        Unexpected: It is otherwise.
    """
    seen, book = stage.seen, stage.stamps()
    done = sum(each.state == "COMPLETED" for each in seen)
    events = sum(len(each.numbers) for each in seen)
    tell.gap()
    tell.line("What the clients saw, and what the depot's book says:")
    tell.line(f"kills: {stage.kills}")
    tell.line(f"tasks: {done} of {len(seen)} completed")
    tell.line(
        f"events: {events}, {sum(each.is_whole for each in seen)} of {len(seen)} streams whole"
    )
    tell.line(f"streams that broke and went on: {sum(each.broken for each in seen)}")
    tell.line(f"calls in doubt, asked about: {sum(each.asked for each in seen)}")
    tell.line(f"stamps: {book.total()} for {len(seen) * STOPS} stops")
    for each in seen:
        stops = [f"{each.parcel} is at stop {stop}" for stop in range(1, STOPS + 1)]
        if each.state != "COMPLETED":
            raise Unexpected(f"{each.parcel} was lost: {each.state}")
        if not each.is_whole:
            raise Unexpected(f"{each.parcel}: the numbers of its events are {each.numbers}")
        if each.says != stops:
            raise Unexpected(f"{each.parcel}: the agent said {each.says}")
    wanted = {f"{each.parcel}, stop {stop}": 1 for each in seen for stop in range(1, STOPS + 1)}
    if book != wanted:
        odd = {page: times for page, times in book.items() if wanted.get(page) != times}
        raise Unexpected(f"the book has {odd or 'too few stamps'}")


async def attempt(tell: Transcript) -> int:
    """Play the story once, in a folder of its own.

    Returns:
        The exit status.
    """
    with TemporaryDirectory(prefix="interloom-replicas-") as folder:
        return await play(set_up(Path(folder)), tell)


async def play(stage: Stage, tell: Transcript) -> int:
    """Play the story, end every process, then weigh.

    Returns:
        The exit status.
    """
    log = stage.replicas[0].service.log
    try:
        with anyio.fail_after(STORY_S):
            async with AsyncExitStack() as stack:
                for service in (stage.depot, *(each.service for each in stage.replicas)):
                    await stack.enter_async_context(service)
                await tell_story(stage, tell)
        weigh(stage, tell)
    except* ServiceDied as died:
        for death in leaves(died):
            tell.failed(str(death), tail(death.service.log))
    except* TimeoutError:
        tell.failed(f"it took longer than {STORY_S:.0f} s", tail(log))
    except* (Unexpected, OSError) as failure:
        for each in leaves(failure):
            tell.failed(str(each), tail(log))
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(anyio.run(played, lambda: attempt(Transcript())))
