"""Ledger, engine and operations put together, with a beginning and an end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

import anyio

from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.embedded import MAX_AT_WORK, WARM_S, EmbeddedEngine
from interloom.runtime.engine.operations import Operations
from interloom.runtime.engine.outbox import Posting, posting
from interloom.runtime.engine.port import GRACE_S, Engine
from interloom.runtime.engine.push_configs import PushConfigs
from interloom.runtime.engine.retention import Retention, keep_pruning
from interloom.runtime.engine.store_clock import StoreClock
from interloom.runtime.engine.tasks import Tasks
from interloom.runtime.errors import BadConfig, Unavailable
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.serve.asgi import A2AApp, Bindings
from interloom.runtime.serve.auth import Authenticator
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.cards import JWKS, Signer, Site, extended_cards, unsigned
from interloom.runtime.serve.door import Door, Served
from interloom.runtime.serve.gate import Gate
from interloom.runtime.serve.health import Health
from interloom.runtime.serve.hosts import LOOPBACK
from interloom.runtime.serve.jsonrpc import JsonRpc
from interloom.runtime.serve.rest import Rest
from interloom.runtime.values import Clock, Ids, RandomIds, SystemClock
from interloom.runtime.wire import signatures
from interloom.runtime.wire.card import OPEN, About
from interloom.runtime.wire.keys import SigningKey
from interloom.runtime.wire.methods import Capability

OpenLedger: TypeAlias = Callable[[], Ledger]
"""Opens the store; called inside the event loop."""

Around: TypeAlias = Callable[[Ledger], AbstractAsyncContextManager[object]]
"""What agents use while they run."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a runtime may be told.

    Attributes:
        base_url: Where clients reach it, without a trailing slash.
        names: Hosts it may be asked as, beside that of `base_url`; None for any, which leaves it
            to whatever stands in front to keep web pages out.
        authenticator: Tells callers apart, on every binding; None lets everybody in.
        signing_key: Signs the cards (8.4), and is published; None leaves them as they are.
        doors: Ways in beside HTTP, opened and closed with the runtime.
        limits: Bounds on request bodies.
        warm_s: Seconds a waiting agent stays in memory for a quick answer.
        grace_s: Seconds running agents get at shutdown; see `GRACE_S`.
        max_runs: Runs that may be at work here before no more are claimed; see `MAX_AT_WORK`.
        retention: How long what is over is kept; None for ever.
        push: How events are posted to whoever asks for them; None to post nothing, whatever the
            agents promise.
        around: Entered with the open store before the agents run, and left after them: the
            connections and child processes they use.
    """

    base_url: str = "http://127.0.0.1:8080"
    names: frozenset[str] | None = LOOPBACK
    authenticator: Authenticator | None = None
    signing_key: SigningKey | None = None
    doors: tuple[Door, ...] = ()
    limits: BodyLimits = field(default_factory=BodyLimits)
    warm_s: float = WARM_S
    grace_s: float = GRACE_S
    max_runs: int = MAX_AT_WORK
    retention: Retention | None = None
    push: Posting | None = field(default_factory=Posting)
    around: Around = nullcontext


def _site(settings: Settings) -> Site:
    known, key = settings.authenticator, settings.signing_key
    signers = () if settings.push is None else settings.push.signers
    keys = [each for signer in signers for each in signer.public_keys()]
    sign: Signer = unsigned
    if key is not None:
        sign = partial(signatures.sign, key=key, jku=settings.base_url + JWKS)
        keys += [each for each in (key.jwk(),) if each not in keys]
    security = OPEN if known is None else known.security
    return Site(settings.base_url, security, settings.doors, sign, keys)


class Runtime:
    """Serves agents over A2A from one ledger.

    Attributes:
        gate: Who is let in, on every binding.
        health: Whether it may be sent requests, as of when it was opened last.
    """

    health: Health

    def __init__(
        self,
        agents: Iterable[Agent],
        open_ledger: OpenLedger,
        settings: Settings | None = None,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        """Describe a runtime; nothing is opened yet.

        Raises:
            BadConfig: Two agents have one name, or there is none; an agent has an extended card
                and callers are not told apart.
        """
        self._agents: dict[str, Agent] = {}
        for agent in agents:
            if agent.about.name in self._agents:
                raise BadConfig(f"two agents are called {agent.about.name}")
            self._agents[agent.about.name] = agent
        self._open_ledger = open_ledger
        self._settings = settings or Settings()
        if self._settings.push is None:
            self._agents = {name: _without_push(each) for name, each in self._agents.items()}
        self._clock, self._ids = clock or SystemClock(), ids or RandomIds()
        self._abouts = {name: agent.about for name, agent in self._agents.items()}
        self._site = _site(self._settings)
        self._extended = extended_cards(self._abouts, self._site)
        self._operations: Operations | None = None
        self._drain: Callable[[], Awaitable[None]] | None = None
        self.gate = Gate(self._abouts.values(), self._settings.authenticator)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Operations]:
        """Open the store, pick up what was running, and work until the block is left.

        Yields:
            The A2A operations, for a binding or for callers in the same process.
        """
        async with self._opened_ledger() as ledger, self._settings.around(ledger):
            tasks, clock = Tasks(ledger), StoreClock(self._clock)
            await clock.ask(ledger)
            engine = EmbeddedEngine(
                tasks, self._agents, clock, self._ids, warm_s=self._settings.warm_s
            )
            engine.max_at_work = self._settings.max_runs
            async with anyio.create_task_group() as group:
                await group.start(engine.serve)
                async with (
                    self._open_push(ledger, clock) as push,
                    self._tended(ledger, engine, clock) as health,
                ):
                    agents = self._agents.values()
                    operations = Operations(tasks, engine, clock, self._ids, agents, push)
                    operations.extended = self._extended
                    self._operations = operations
                    self.health = health
                    self._drain = partial(self._let_go, engine, operations, health)
                    try:
                        yield operations
                    finally:
                        with anyio.CancelScope(shield=True):
                            await self.drain()
                        self._operations = self._drain = None
                with anyio.CancelScope(shield=True):
                    await engine.drain(0)

    async def drain(self) -> None:
        """Prepare to end: be ready no more, let agents end or wait, send everybody elsewhere.

        What is asked meanwhile is answered, and what is stored is others' to go on with. Once this
        has returned there is nothing left to do but to close.
        """
        drain, self._drain = self._drain, None
        if drain is not None:
            await drain()

    async def _let_go(self, engine: Engine, operations: Operations, health: Health) -> None:
        health.drain()
        operations.leave()
        await engine.retire(self._settings.grace_s)
        operations.go()

    @asynccontextmanager
    async def _tended(
        self, ledger: Ledger, engine: Engine, clock: StoreClock
    ) -> AsyncGenerator[Health]:
        """Look after the process and its store while others work."""
        health, retention = Health(engine.is_alive), self._settings.retention
        async with anyio.create_task_group() as group:
            group.start_soon(health.watch)
            group.start_soon(clock.keep_asking, ledger)
            if retention is not None:
                group.start_soon(keep_pruning, ledger, retention)
            try:
                yield health
            finally:
                group.cancel_scope.cancel()

    @asynccontextmanager
    async def _opened_ledger(self) -> AsyncGenerator[Ledger]:
        ledger = self._open_ledger()
        try:
            yield ledger
        finally:
            with anyio.CancelScope(shield=True):
                await ledger.aclose()

    @asynccontextmanager
    async def _open_push(self, ledger: Ledger, clock: Clock) -> AsyncGenerator[PushConfigs | None]:
        how = self._settings.push
        if how is None:
            yield None
            return
        async with posting(ledger, clock, how) as outbox:
            yield PushConfigs(
                ledger,
                how.guard,
                clock,
                self._ids,
                limit=how.max_configs,
                dropped=outbox.drop,
            )

    @property
    def operations(self) -> Operations:
        """The A2A operations, while it is open.

        Raises:
            Unavailable: It is not.
        """
        if self._operations is None:
            raise Unavailable("not serving")
        return self._operations

    @property
    def abouts(self) -> Mapping[str, About]:
        """What the agents say of themselves, by name, the default first."""
        return self._abouts

    @property
    def settings(self) -> Settings:
        """What it was told."""
        return self._settings

    @property
    def limits(self) -> BodyLimits:
        """Bounds on request bodies, for whoever serves the application."""
        return self._settings.limits

    def app(self) -> A2AApp:
        """The ASGI application; its lifespan opens and closes the runtime."""
        return A2AApp(
            self._abouts,
            self._open_bindings,
            self._site,
            names=self._settings.names,
            made_at=self._clock.now(),
        )

    @asynccontextmanager
    async def _open_bindings(self) -> AsyncGenerator[Bindings]:
        gate, limits = self.gate, self._settings.limits
        async with self.open() as operations, AsyncExitStack() as doors:
            served = Served(operations, gate, tuple(self._agents), self.health)
            for door in self._settings.doors:
                await doors.enter_async_context(door.open(served))
            rpc, rest = JsonRpc(operations, gate, limits), Rest(operations, gate, limits)
            try:
                yield Bindings(rpc, rest, self.health, self.drain)
            finally:
                with anyio.CancelScope(shield=True):
                    await self.drain()  # before the doors are closed, so that they can say so


def _without_push(agent: Agent) -> Agent:
    about = agent.about
    return replace(agent, about=replace(about, capabilities=about.capabilities - {Capability.PUSH}))
