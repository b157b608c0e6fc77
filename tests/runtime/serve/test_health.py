"""Live and ready: what this process tells of itself over HTTP and gRPC.

Source: ours (`serve.health`); grpc.health.v1 for the states over gRPC.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from interloom.runtime.errors import Unavailable
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.serve.health import OK, Checks, Health
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.testing.agents import Slow
from interloom.runtime.testing.pair import PATIENT
from interloom.runtime.wire.grpc import SERVICE_NAME
from tests.runtime.serve.over_grpc import calling, said
from tests.runtime.serve.raw import AGENTS, Server, message, running

LIMIT_S = 10
WELL = {"store": OK, "worker": OK, "process": OK}
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Store:
    """Takes beats as a store would, or does not."""

    def __init__(self) -> None:
        self.is_away, self.is_member = False, True
        self.answers = anyio.Event()
        self.answers.set()

    async def beat(self) -> bool:
        await self.answers.wait()
        if self.is_away:
            raise Unavailable("the store does not take writes")
        return self.is_member


@asynccontextmanager
async def watched(store: Store, *, slow_s: float = LIMIT_S) -> AsyncGenerator[Health]:
    health = Health(store.beat, probe_s=0.001, slow_s=slow_s)
    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as group:
            group.start_soon(health.watch)
            yield health
            group.cancel_scope.cancel()


async def until(health: Health, checks: Checks) -> None:
    while health.checks != checks:
        await health.next_change().wait()


async def test_store_that_refuses_writes_is_told_and_so_is_its_return() -> None:
    store = Store()
    async with watched(store) as health:
        assert health.is_ready
        store.is_away = True
        await until(health, Checks(store="unavailable"))
        assert not health.is_ready
        store.is_away = False
        await until(health, Checks())


async def test_store_that_says_nothing_is_slow_and_is_not_asked_twice_at_once() -> None:
    store = Store()
    async with watched(store, slow_s=0.001) as health:
        store.answers = anyio.Event()
        await until(health, Checks(store="slow"))
        store.answers.set()
        await until(health, Checks())


async def test_worker_that_was_taken_for_dead_is_lost_until_it_has_joined_again() -> None:
    store = Store()
    store.is_member = False
    async with watched(store) as health:
        await until(health, Checks(worker="lost"))
        store.is_away = True  # which says nothing of the worker
        await until(health, Checks(store="unavailable", worker="lost"))
        store.is_away, store.is_member = False, True
        await until(health, Checks())


async def test_process_that_drains_is_never_ready_again() -> None:
    store = Store()
    async with watched(store) as health:
        health.drain()
        assert not health.is_ready
        store.is_away = True
        await until(health, Checks(store="unavailable", process="draining"))
        store.is_away = False
        await until(health, Checks(process="draining"))


@pytest.mark.parametrize("path", ["/healthz", "/health", "/readyz"])
async def test_probe_is_answered_whatever_the_process_is_called(path: str) -> None:
    """Ours: an orchestrator knows it by an address; and nobody has to say who they are."""
    async with running() as server:
        answer = await server.ask(method="GET", path=path, headers={"host": "10.1.2.3:8080"})
        nameless = await server.ask(method="GET", path=path, headers={})

    assert (answer.status, nameless.status) == (200, 200)
    assert answer.headers["cache-control"] == "no-store"


async def test_readiness_says_one_word_a_check() -> None:
    async with running() as server:
        answer = await server.ask(method="GET", path="/readyz")

    assert (answer.status, answer.frame) == (200, {"status": "ready", "checks": WELL})


async def test_process_that_has_not_begun_to_serve_lives_and_is_not_ready() -> None:
    async with running() as server:
        up = server.world.port.app
        server.world.port.app = Runtime(AGENTS, MemoryLedger).app()
        live = await server.ask(method="GET", path="/healthz")
        ready = await server.ask(method="GET", path="/readyz")
        server.world.port.app = up

    assert live.status == 200
    assert (ready.status, ready.frame["checks"]) == (503, {**WELL, "process": "starting"})


async def test_store_that_is_away_turns_readiness_red_and_liveness_stays_green() -> None:
    """Nothing is gained by starting a process again whose disk is full."""
    async with running() as server:
        await server.world.ledger.aclose()
        with anyio.fail_after(LIMIT_S):
            ready = await server.ask(method="GET", path="/readyz")
            while ready.status == 200:
                await anyio.lowlevel.checkpoint()
                ready = await server.ask(method="GET", path="/readyz")
        live = await server.ask(method="GET", path="/healthz")
        await server.world.restart()

    assert (ready.status, ready.frame["checks"]) == (503, {**WELL, "store": "unavailable"})
    assert live.status == 200


async def _drained(server: Server) -> None:
    app: Any = server.world.port.app  # an `A2AApp`; to callers it is any application
    await app.drain()


async def test_process_that_drains_answers_while_its_agents_finish() -> None:
    """Ours: a caller that is answered need not look for another process."""
    slow = Slow()
    async with running(slow.agent) as server, anyio.create_task_group() as group:
        answers: list[bytes] = []

        async def send() -> None:
            answer = await server.call("SendMessage", {"message": message()}, agent="slow")
            answers.append(answer.body)

        group.start_soon(send)
        await slow.working.wait()
        group.start_soon(_drained, server)
        ready = await server.ask(method="GET", path="/readyz")
        while ready.status == 200:
            ready = await server.ask(method="GET", path="/readyz")
            await anyio.lowlevel.checkpoint()
        slow.finish.set()
        while not answers:
            await anyio.lowlevel.checkpoint()
        assert ready.frame["checks"] == {**WELL, "process": "draining"}
        assert b'"state":"TASK_STATE_COMPLETED"' in answers[0]
        await server.world.restart()


async def test_grpc_health_follows_readiness() -> None:
    """grpc.health.v1: whoever watches is told when it changes."""
    slow = Slow()
    async with calling(slow.agent, settings=replace(PATIENT, grace_s=LIMIT_S)) as caller:
        kind: Any = health_pb2_grpc.HealthStub  # the library's stubs have no types
        stub = kind(caller.channel)
        app: Any = caller.world.port.app
        watching = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE_NAME))
        assert (await watching.read()).status == SERVING
        waiting = caller.start("SendMessage", said("go"))
        await slow.working.wait()

        async with anyio.create_task_group() as group:
            group.start_soon(app.drain)
            assert (await watching.read()).status == NOT_SERVING
            whole = await stub.Check(health_pb2.HealthCheckRequest())
            assert whole.status == NOT_SERVING
            slow.finish.set()

        assert (await waiting).task.artifacts
