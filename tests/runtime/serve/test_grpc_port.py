"""The gRPC port: health, reflection, TLS, who else has the port, and how it is closed.

Source: grpc.health.v1 and grpc.reflection.v1alpha; A2A 1.0.1 sections 7.1 (TLS), 8.3 (interfaces),
10.1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import anyio
import grpc
import pytest
import trustme
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from interloom.protos import a2a_pb2 as pb
from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.model import AgentInterface
from interloom.runtime.serve.auth import Credentials, Principal
from interloom.runtime.serve.grpc_port import GrpcPort, GrpcSettings
from interloom.runtime.testing.agents import Slow, asker, echo
from interloom.runtime.testing.pair import PATIENT, pair
from interloom.runtime.wire.card import OPEN, Security
from interloom.runtime.wire.grpc import SERVICE_NAME
from tests.runtime.serve.over_grpc import BOUND_S, HOST, Caller, calling, port, refusal, said

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING


def _stub(kind: Any, channel: aio.Channel) -> Any:  # noqa: ANN401 - the library's stubs have no types
    return kind(channel)


@pytest.mark.parametrize("service", ["", SERVICE_NAME])
async def test_health_says_that_it_serves(service: str) -> None:
    """grpc.health.v1: the whole, and each service by its name."""
    async with calling() as caller:
        health = _stub(health_pb2_grpc.HealthStub, caller.channel)

        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))

        assert answer.status == SERVING


async def test_health_of_what_is_not_served_is_not_found() -> None:
    """grpc.health.v1."""
    async with calling() as caller:
        health = _stub(health_pb2_grpc.HealthStub, caller.channel)

        with pytest.raises(aio.AioRpcError) as refused:
            await health.Check(health_pb2.HealthCheckRequest(service="other"))

        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def _reflected(
    caller: Caller, request: reflection_pb2.ServerReflectionRequest
) -> reflection_pb2.ServerReflectionResponse:
    stub = _stub(reflection_pb2_grpc.ServerReflectionStub, caller.channel)
    stream = stub.ServerReflectionInfo(iter([request]))
    (answer,) = [each async for each in stream]
    assert isinstance(answer, reflection_pb2.ServerReflectionResponse)
    return answer


async def test_reflection_lists_the_services() -> None:
    """grpc.reflection.v1alpha."""
    async with calling() as caller:
        answer = await _reflected(caller, reflection_pb2.ServerReflectionRequest(list_services=""))

        names = {each.name for each in answer.list_services_response.service}
        assert names == {
            "lf.a2a.v1.A2AService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("lf.a2a.v1.A2AService", "a2a.proto"),
        ("lf.a2a.v1.Task", "a2a.proto"),
        ("grpc.health.v1.Health", "grpc_health/v1/health.proto"),
    ],
)
async def test_reflection_gives_the_descriptors_of_what_is_served(symbol: str, file: str) -> None:
    """grpc.reflection.v1alpha: with all they import; ours are in a pool of their own."""
    async with calling() as caller:
        asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
        answer = await _reflected(caller, asked)

        found = answer.file_descriptor_response.file_descriptor_proto
        files = [FileDescriptorProto.FromString(each) for each in found]
        assert file in {each.name for each in files}
        needed = {name for each in files for name in each.dependency}
        assert needed <= {each.name for each in files}


async def test_card_names_the_port_and_the_agent_as_tenant() -> None:
    """A2A 8.3.1, 8.3.2; a2a.proto: gRPC's address is `host:port`."""
    async with calling(echo(), asker()) as caller:
        for agent in ("echo", "asker"):
            card = await caller.world.client(agent).card()

            assert card.supported_interfaces[-1] == AgentInterface(
                url=caller.port.address,
                protocol_binding="GRPC",
                tenant=agent,
                protocol_version="1.0",
            )


async def test_card_names_the_address_it_was_told() -> None:
    """ours: behind a balancer the port we listen on is not the one others use."""
    async with calling(grpc_settings=GrpcSettings("agents.example:443")) as caller:
        card = await caller.world.client("echo").card()

        assert card.supported_interfaces[-1].url == "agents.example:443"


# ---- The port ------------------------------------------------------------------------------------


async def test_port_that_is_taken_is_refused() -> None:
    """ours: two processes that shared it would each get half of the calls."""
    async with port() as held:
        taken = int(held.address.rpartition(":")[2])

        with pytest.raises(BadConfig, match=f":{taken}: cannot listen"):
            GrpcPort(HOST, taken)


def test_address_that_is_not_ours_is_refused() -> None:
    """ours: a sentence instead of a traceback."""
    with pytest.raises(BadConfig, match=r"192\.0\.2\.1:0: cannot listen"):
        GrpcPort("192.0.2.1", 0)


async def test_nobody_is_answered_before_it_is_opened_or_after() -> None:
    """ours: held, but not listened on."""
    with anyio.fail_after(BOUND_S):
        async with port() as held:
            for _ in range(2):
                async with pair([echo()], MemoryLedger, replace(PATIENT, doors=(held,))):
                    pass
            with pytest.raises(OSError, match="connection attempts failed"):
                await anyio.connect_tcp(HOST, int(held.address.rpartition(":")[2]))


async def test_port_is_opened_again_after_a_crash() -> None:
    """ours: the same address, the same tasks."""
    async with calling() as caller:
        task = (await caller.call("SendMessage", said())).task
        await caller.world.crash()

        found = await caller.start("GetTask", pb.GetTaskRequest(id=task.id))

        assert found == task


# ---- Its end -------------------------------------------------------------------------------------


async def test_those_who_wait_are_told_to_come_back_when_the_process_ends() -> None:
    """ours: UNAVAILABLE at once, not a connection cut after the grace time."""
    slow = Slow()
    async with calling(slow.agent, grpc_settings=GrpcSettings(leave_s=BOUND_S * 2)) as caller:
        waiting = caller.start("SendMessage", said("go"))
        await slow.working.wait()
        watching = caller.start("SendStreamingMessage", said("go", message={"message_id": "m1"}))
        await watching.read()

        async with anyio.create_task_group() as group:
            group.start_soon(caller.world.stop)
            for call in (waiting, watching.read()):
                with pytest.raises(aio.AioRpcError) as ended:
                    await call
                assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
                assert refusal(ended.value).reason[0] == "UNAVAILABLE"
            slow.finish.set()
        await caller.world.start()


async def test_watcher_of_the_health_sees_the_end_come() -> None:
    """grpc.health.v1: NOT_SERVING, so that a balancer sends no more calls."""
    async with calling(grpc_settings=GrpcSettings(leave_s=0.1)) as caller:
        health = _stub(health_pb2_grpc.HealthStub, caller.channel)
        watching = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE_NAME))
        assert (await watching.read()).status == SERVING

        async with anyio.create_task_group() as group:
            group.start_soon(caller.world.stop)
            assert (await watching.read()).status == NOT_SERVING
        watching.cancel()
        await caller.world.start()


# ---- TLS -----------------------------------------------------------------------------------------


def _credentials(authority: trustme.CA, *, asks_clients: bool = False) -> grpc.ServerCredentials:
    issued = authority.issue_cert(HOST, "localhost")
    chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
    roots = authority.cert_pem.bytes() if asks_clients else None
    pairs = [(issued.private_key_pem.bytes(), chain)]
    return grpc.ssl_server_credentials(pairs, roots, asks_clients)


async def test_calls_over_tls_are_answered() -> None:
    """A2A 7.1, 10.1."""
    authority = trustme.CA()
    settings = GrpcSettings(credentials=lambda: _credentials(authority))
    async with calling(grpc_settings=settings) as caller:
        trusted = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
        async with aio.secure_channel(caller.port.address, trusted) as channel:
            secure = Caller(caller.world, channel, caller.port)
            answer = await secure.call("SendMessage", said())
        with pytest.raises(aio.AioRpcError) as plain:
            await caller.call("SendMessage", said())

        assert answer.task.status.state == pb.TASK_STATE_COMPLETED
        assert plain.value.code() is grpc.StatusCode.UNAVAILABLE


class _ByCertificate:
    """Knows everybody who has a certificate."""

    security: Security = OPEN

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def authenticate(self, credentials: Credentials) -> Principal:
        self.seen.append(credentials.certificate or "")
        return Principal("somebody")


async def test_clients_certificate_reaches_the_authenticator() -> None:
    """A2A 4.5, 7.4: mutual TLS; PEM, as on the other bindings."""
    authority, by_certificate = trustme.CA(), _ByCertificate()
    mine = authority.issue_cert("client@example.com")
    settings = GrpcSettings(credentials=lambda: _credentials(authority, asks_clients=True))
    told = replace(PATIENT, authenticator=by_certificate)
    async with calling(settings=told, grpc_settings=settings) as caller:
        trusted = grpc.ssl_channel_credentials(
            authority.cert_pem.bytes(),
            mine.private_key_pem.bytes(),
            mine.cert_chain_pems[0].bytes(),
        )
        async with aio.secure_channel(caller.port.address, trusted) as channel:
            await Caller(caller.world, channel, caller.port).call("SendMessage", said())

    (seen,) = by_certificate.seen
    assert seen.split() == mine.cert_chain_pems[0].bytes().decode().split()
