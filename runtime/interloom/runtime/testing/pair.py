"""A whole runtime in memory, and clients that talk to it: no socket, everything else real.

async with pair(agents, MemoryLedger) as world:
    task = await world.client("concierge").send(message)
    await world.crash()                     # nothing is drained, nothing more is stored
    task = await world.client("concierge").get(task.id)
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskGroup, TaskStatus

from interloom.runtime.client import A2AClient, ClientOptions, http_bindings
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import BadConfig, Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Write
from interloom.runtime.local import local_client
from interloom.runtime.serve.body import App, Scope
from interloom.runtime.serve.cards import agent_path
from interloom.runtime.serve.gate import Gate
from interloom.runtime.serve.runtime import OpenLedger, Runtime, Settings
from interloom.runtime.testing.forwarding import ForwardingLedger
from interloom.runtime.testing.in_process import AppHttp, in_process
from interloom.runtime.values import Clock
from interloom.runtime.wire.card import About, Binding

DOWN_S: Final = 10.0
"""Seconds a runtime gets to end before the test fails."""
PATIENT: Final = Settings(grace_s=1.0)
"""Ours in place of the runtime's defaults: a test that leaves an agent at work soon ends."""


@asynccontextmanager
async def pair(
    agents: Iterable[Agent], open_ledger: OpenLedger, settings: Settings = PATIENT
) -> AsyncGenerator[World]:
    """Run a runtime until the block is left.

    Args:
        agents: Who is served; the same objects before and after a restart.
        open_ledger: Opens the store, again after each restart. A `MemoryLedger` is opened once
            and outlives the runtime, as a file would.
        settings: As for `Runtime`.

    Raises:
        BadConfig: The runtime cannot be started.
    """
    try:
        async with anyio.create_task_group() as group, in_process() as port:
            world = World(group, port, tuple(agents), open_ledger, settings)
            await world.start()
            try:
                yield world
                await world.stop()
            finally:
                group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:  # whoever reads a failed test wants the error, not a tree
        raise _only(errors) from None


def _only(error: BaseException) -> BaseException:
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())  # only groups have it
    return _only(inner[0]) if len(inner) == 1 else error


class World:
    """A runtime that can be reached, restarted and killed; made by `pair`.

    Attributes:
        port: Sends requests to whatever incarnation of the runtime is up.
        opens: The bindings its clients speak, those over HTTP until more are put in.
        clock: What the runtime has for its clock from its next start on; None for the machine's.
    """

    def __init__(
        self,
        group: TaskGroup,
        port: AppHttp,
        agents: tuple[Agent, ...],
        open_ledger: OpenLedger,
        settings: Settings,
    ) -> None:
        self.port = port
        self._group, self._agents, self._settings = group, agents, settings
        self._open_ledger = open_ledger
        self._memory: MemoryLedger | None = None
        self._ledger: CutLedger | None = None
        self._life = _Life()
        self._runtime = Runtime(agents, open_ledger, settings)
        self.opens = dict(http_bindings(port))
        self.clock: Clock | None = None

    @property
    def ledger(self) -> Ledger:
        """The store, as the running incarnation has it open."""
        if self._ledger is None:
            raise Unavailable("the runtime is not up")
        return self._ledger

    def url(self, agent: str) -> str:
        """Where an agent is served."""
        return self._settings.base_url + agent_path(agent)

    def client(self, agent: str, binding: Binding | None = None) -> A2AClient:
        """A client of one agent; it stays good across restarts, as one with a URL would.

        Args:
            agent: Its name.
            binding: The one to use; None for the first of the card's. gRPC takes a door in the
                settings and an entry in `opens`.
        """
        options = ClientOptions(bindings=() if binding is None else (binding.value,))
        return A2AClient(self.url(agent), self.port, options=options, opens=self.opens)

    def local(self, agent: str) -> A2AClient:
        """A client that reaches an agent without a binding that has bytes; good across restarts."""
        return local_client(self, agent)

    @property
    def operations(self) -> Operations:
        """Of the running incarnation; see `Runtime.operations`."""
        return self._runtime.operations

    @property
    def gate(self) -> Gate:
        """Of the running incarnation."""
        return self._runtime.gate

    @property
    def abouts(self) -> Mapping[str, About]:
        """What the agents say of themselves."""
        return self._runtime.abouts

    async def start(self) -> None:
        """Bring the runtime up; on return it serves."""
        self._runtime = Runtime(self._agents, self._open, self._settings, clock=self.clock)
        self._life = _Life()
        self.port.app = app = self._runtime.app()
        await self._group.start(self._life.run, app)

    async def stop(self) -> None:
        """Bring it down in good order: connections are broken, agents get their grace time."""
        with anyio.fail_after(DOWN_S):
            self.port.app = None
            await self.port.cut()
            self._life.stopping.set()
            await self._life.over.wait()

    async def restart(self) -> None:
        """`stop`, then `start` on the same store."""
        await self.stop()
        await self.start()

    async def crash(self) -> None:
        """Abandon it without drain and start anew: what was not stored by now never is."""
        with anyio.fail_after(DOWN_S):
            self.port.app = None
            if self._ledger is not None:
                self._ledger.cut()
            self._life.power.cancel()
            await self.port.cut()
            await self._life.over.wait()
        await self.start()

    def _open(self) -> Ledger:
        inner = self._memory or self._open_ledger()
        if isinstance(inner, MemoryLedger):
            self._memory = inner
        self._ledger = CutLedger(inner, outlives=self._memory is not None)
        return self._ledger


class _Life:
    """One incarnation of the runtime, from the start of its lifespan to the end.

    Attributes:
        power: The scope it runs in.
        stopping: Set to end it in good order.
        over: Set when nothing of it is left.
    """

    def __init__(self) -> None:
        self.power = anyio.CancelScope()
        self.stopping, self.over = anyio.Event(), anyio.Event()
        self._is_up = False

    async def run(self, app: App, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Be the server's side of the ASGI lifespan protocol."""

        async def receive() -> Scope:
            if not self._is_up:
                return {"type": "lifespan.startup"}
            await self.stopping.wait()
            return {"type": "lifespan.shutdown"}

        async def send(message: Scope) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._is_up = True
                task_status.started()
            elif message["type"] == "lifespan.startup.failed":
                raise BadConfig(message["message"])

        try:
            with self.power:
                await app({"type": "lifespan"}, receive, send)
        finally:
            self.over.set()


class CutLedger(ForwardingLedger):
    """A ledger that can be cut off: what dying code still writes is not stored.

    Args:
        inner: Where the rows are.
        outlives: True to leave `inner` open when the runtime closes this one.
    """

    def __init__(self, inner: Ledger, *, outlives: bool) -> None:
        super().__init__(inner)
        self._outlives = outlives
        self._is_cut = False

    def cut(self) -> None:
        """Store nothing more."""
        self._is_cut = True

    async def commit(self, *writes: Write) -> None:
        """Store all of them, or none; see `Ledger.commit`."""
        if self._is_cut:
            raise Unavailable("the store is gone")
        await super().commit(*writes)

    async def beat(self, worker: str) -> bool:
        """Write that a worker is alive; see `Ledger.beat`."""
        if self._is_cut:
            raise Unavailable("the store is gone")
        return await super().beat(worker)

    async def leave(self, worker: str) -> None:
        """Work on runs no more; a process that died says nothing of the kind."""
        if not self._is_cut:
            await super().leave(worker)

    async def aclose(self) -> None:
        """Let go of the store, which may outlive us."""
        self._is_cut = True
        if not self._outlives:
            await super().aclose()
