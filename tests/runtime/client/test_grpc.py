"""Our gRPC client against our server, over a real port.

Source: A2A 1.0.1 sections 10 (the binding), 10.6 (errors), 8.3.2 (tenant, selection).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

import anyio
import grpc
import pytest
import trustme

from interloom.runtime.client import A2AClient, AuthRequired
from interloom.runtime.client.addresses import GrpcAddress
from interloom.runtime.client.calls import Calls, http_bindings, sending
from interloom.runtime.client.cards import Cards
from interloom.runtime.client.grpc import GrpcChannels
from interloom.runtime.client.options import ClientOptions, Resume, for_origin
from interloom.runtime.core.trace import Trace
from interloom.runtime.engine.agent import Agent
from interloom.runtime.errors import (
    BadParams,
    TaskNotCancelable,
    TaskNotFound,
    TransportError,
    Unavailable,
    UnsupportedOperation,
)
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.model import (
    AgentInterface,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskState,
)
from interloom.runtime.serve.auth import BearerTokens, Principal, Token
from interloom.runtime.serve.grpc_port import GrpcPort, GrpcSettings
from interloom.runtime.serve.runtime import Settings
from interloom.runtime.testing.agents import Slow, asker, echo
from interloom.runtime.testing.pair import PATIENT, World, pair
from interloom.runtime.wire.card import Binding

BOUND_S: Final = 20.0
HOST: Final = "127.0.0.1"
ONLY: Final = ClientOptions(bindings=(Binding.GRPC.value,))
TRACE: Final = Trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def message(text: str = "hello", *, task_id: str = "", role: Role = Role.USER) -> Message:
    parts = (Part(text=text),)
    return Message(message_id=f"m-{text}", role=role, parts=parts, task_id=task_id)


async def to_the_end(events: AsyncGenerator[StreamResponse]) -> list[StreamResponse]:
    return [event async for event in events]


@dataclass(frozen=True, slots=True)
class House:
    """A runtime with a gRPC port, and the channels to it."""

    world: World
    channels: GrpcChannels

    def client(self, agent: str, options: ClientOptions = ONLY) -> A2AClient:
        opens = {Binding.GRPC.value: self.channels.transport, **http_bindings(self.world.port)}
        return A2AClient(self.world.url(agent), self.world.port, options=options, opens=opens)


@asynccontextmanager
async def house(
    *agents: Agent,
    settings: Settings = PATIENT,
    grpc_settings: GrpcSettings | None = None,
    channels: GrpcChannels | None = None,
) -> AsyncGenerator[House]:
    door = GrpcPort(HOST, 0, grpc_settings)
    try:
        with anyio.fail_after(BOUND_S):
            served = agents or (echo(), asker())
            told = replace(settings, doors=(door,))
            async with (
                pair(served, MemoryLedger, told) as world,
                channels or GrpcChannels() as shared,
            ):
                yield House(world, shared)
    finally:
        door.close()


async def test_question_is_asked_answered_and_followed_to_its_end() -> None:
    """A2A 3.1.2, 3.4.3; the agent is found by the tenant of its interface."""
    async with house() as at:
        client = at.client("asker")
        asked = [event async for event in client.stream(message("begin"))]
        first, last = asked[0].task, asked[-1].status_update
        assert first is not None
        assert last is not None
        assert last.status.state is TaskState.INPUT_REQUIRED

        answer = await client.send(message("blue", task_id=first.id))

        assert isinstance(answer, Task)
        assert answer.artifacts[0].parts[0].text == "blue"
        assert await client.get(first.id) == answer
        assert [each.id for each in (await client.list()).tasks] == [first.id]
        assert (await client.interface()).protocol_binding == "GRPC"


async def test_task_is_one_value_on_every_binding() -> None:
    """A2A 5.1."""
    async with house() as at:
        over_grpc = await at.client("echo").send(message())
        assert isinstance(over_grpc, Task)

        assert await at.world.client("echo").get(over_grpc.id) == over_grpc


async def test_subscriber_that_leaves_ends_only_its_own_stream() -> None:
    """A2A 3.1.6, 3.5.2."""
    slow = Slow()
    async with house(slow.agent) as at:
        client = at.client("slow")
        later = SendMessageConfiguration(return_immediately=True)
        task = await client.send(message(), configuration=later)
        assert isinstance(task, Task)
        async with aclosing(client.subscribe(task.id)) as leaving:
            first = await anext(leaving)
        async with aclosing(client.subscribe(task.id)) as staying:
            await anext(staying)
            slow.finish.set()
            rest = [event async for event in staying]

        assert first.task is not None
        assert rest[-1].status_update is not None
        assert rest[-1].status_update.status.state is TaskState.COMPLETED


async def test_errors_are_the_classes_the_agent_raised() -> None:
    """A2A 5.4, 10.6."""
    async with house() as at:
        client = at.client("asker")
        with pytest.raises(TaskNotFound) as missing:
            await client.get("nope")
        task = await client.send(message())
        assert isinstance(task, Task)
        await client.cancel(task.id)
        with pytest.raises(TaskNotCancelable):
            await client.cancel(task.id)
        with pytest.raises(BadParams) as bad:
            await client.send(message(role=Role.AGENT))

        assert missing.value.details == {"taskId": "nope"}
        assert [each.field for each in bad.value.violations] == ["message.role"]


async def test_trace_goes_along() -> None:
    """W3C Trace Context, in gRPC metadata."""
    async with house() as at:
        task = await at.client("echo").send(message(), trace=TRACE)
        assert isinstance(task, Task)
        stored = await at.world.ledger.task(task.id)

        assert stored is not None
        assert stored.record.trace is not None
        assert stored.record.trace.trace_id == TRACE.trace_id


async def test_credentials_go_along_and_lack_of_them_is_told() -> None:
    """A2A 7.3, 7.4: UNAUTHENTICATED, with the challenge."""
    ada = Token(Principal("ada"), "ada-secret")
    async with house(settings=replace(PATIENT, authenticator=BearerTokens(ada))) as at:
        nobody = at.client("echo")
        with pytest.raises(AuthRequired) as refused:
            await nobody.send(message())
        place = (await nobody.interface()).url
        proof = for_origin(place, {"authorization": "Bearer ada-secret"})
        task = await at.client("echo", replace(ONLY, credentials=proof)).send(message())

        assert refused.value.challenge == 'Bearer realm="interloom"'
        assert isinstance(task, Task)


async def test_caller_that_waits_no_longer_ends_the_waiting_and_not_the_task() -> None:
    """A2A 3.1.1: only CancelTask cancels; ours: `timeout_s` bounds a call."""
    slow = Slow()
    async with house(slow.agent) as at:
        client = at.client("slow")
        with pytest.raises(TransportError) as late:
            await client.send(message(), timeout_s=0.5)
        slow.finish.set()
        (task,) = (await client.list()).tasks
        with suppress(UnsupportedOperation):  # it may be over by now
            await to_the_end(client.subscribe(task.id))

        assert late.value.delivered
        assert (await client.get(task.id)).status.state is TaskState.COMPLETED


async def test_server_that_ends_is_unavailable_and_found_again_once_it_is_back() -> None:
    """gRPC: UNAVAILABLE with a reason of ours; then the connection is made anew."""
    slow = Slow()
    async with house(slow.agent) as at:
        client = at.client("slow", replace(ONLY, resume=Resume(tries=0)))
        async with aclosing(client.stream(message())) as events:
            first = await anext(events)
            await slow.working.wait()
            async with anyio.create_task_group() as group:
                group.start_soon(at.world.stop)
                with pytest.raises(Unavailable):
                    await to_the_end(events)
                slow.finish.set()
        with pytest.raises(TransportError) as away:
            await client.get("any")
        await at.world.start()

        assert first.task is not None
        assert not away.value.delivered
        assert (await client.get(first.task.id)).id == first.task.id


async def test_interface_that_cannot_be_reached_is_passed_over() -> None:
    """ours: nothing was delivered, so the next interface of the card may be tried."""
    closed = GrpcPort(HOST, 0)
    closed.close()
    async with house() as at:
        card = await at.world.client("echo").card()
        dead = AgentInterface(url=closed.address, protocol_binding="GRPC", protocol_version="1.0")
        both = card.model_copy(update={"supported_interfaces": (dead, *card.supported_interfaces)})
        opens = {Binding.GRPC.value: at.channels.transport, **http_bindings(at.world.port)}

        client = A2AClient(both, at.world.port, opens=opens)

        assert isinstance(await client.send(message()), Task)
        assert (await client.interface()).protocol_binding == "JSONRPC"


async def test_calls_go_over_tls_where_it_is_trusted() -> None:
    """A2A 7.1, 10.1."""
    authority = trustme.CA()
    issued = authority.issue_cert(HOST)
    pairs = [(issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes())]
    settings = GrpcSettings(credentials=lambda: grpc.ssl_server_credentials(pairs))

    def trust(address: GrpcAddress) -> grpc.ChannelCredentials:
        del address
        return grpc.ssl_channel_credentials(authority.cert_pem.bytes())

    async with house(grpc_settings=settings, channels=GrpcChannels(trust)) as at:
        assert isinstance(await at.client("echo").send(message()), Task)
        async with GrpcChannels() as plain:
            opens = {Binding.GRPC.value: plain.transport}
            distrustful = A2AClient(at.world.url("echo"), at.world.port, options=ONLY, opens=opens)
            with pytest.raises(TransportError):
                await distrustful.send(message())


async def test_events_are_numbered_over_grpc_too() -> None:
    """docs/streams.md: a stream of gRPC has no ids, so the numbers come in the metadata."""
    async with house() as at:
        opens = {Binding.GRPC.value: at.channels.transport}
        cards = Cards(at.world.port, ClientOptions())
        calls = Calls(at.world.url("asker"), cards, ONLY, opens)
        sent = sending("SendStreamingMessage", SendMessageRequest(message=message("begin")))
        numbers = [event_id async for _, event_id in calls.events(sent)]
        again = replace(sent, after="2")
        rest = [event_id async for _, event_id in calls.events(again)]
    assert (numbers, rest) == (["1", "2", "3"], ["3"])
