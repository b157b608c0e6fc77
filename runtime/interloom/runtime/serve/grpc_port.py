"""The gRPC port of a process: its socket, its settings, and the services beside A2A's.

Health (grpc.health.v1) and reflection (grpc.reflection.v1alpha) are gRPC's own, as every tool
expects them. Bounds are ours: see the constants.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import anyio
import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from grpc import aio
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from interloom.protos import a2a_pb2
from interloom.runtime.errors import BadConfig
from interloom.runtime.serve.body import MAX_BODY_BYTES
from interloom.runtime.serve.connection import STALL_S
from interloom.runtime.serve.door import Served
from interloom.runtime.serve.grpc import Grpc
from interloom.runtime.serve.health import Health
from interloom.runtime.serve.tls import TlsFiles
from interloom.runtime.telemetry.log import logger
from interloom.runtime.wire.card import Binding, Endpoint
from interloom.runtime.wire.grpc import SERVICE_NAME

log = logger("serve")

_HEALTH: Final[Any] = grpc_health  # these libraries carry no types
_HEALTH_RPCS: Final[Any] = health_pb2_grpc
_REFLECTION: Final[Any] = reflection

MAX_STREAMS: Final = 100
"""Calls at once on one connection; a client that needs more opens another (RFC 9113 5.1.2)."""
MAX_METADATA_BYTES: Final = 64 * 1024
"""Bytes of a call's metadata, as many as of an HTTP request's head."""
KEEP_ALIVE_S: Final = 60
"""Seconds without a word after which a connection's other end is asked whether it is there."""
KEEP_ALIVE_ANSWER_S: Final = 20
"""Seconds it gets to say so; then its calls are cancelled."""
MIN_PING_S: Final = 10
"""Seconds a client waits at least between its own such questions, or it is cut off."""
LEAVE_S: Final = 5.0
"""Seconds calls get to end when the process is told to; then they are cut off."""


@dataclass(frozen=True, slots=True)
class GrpcSettings:
    """What a gRPC port may be told.

    Attributes:
        address: `host:port` on cards; empty for `name` and the port it listens on.
        name: Host on cards; empty for the one it binds.
        max_bytes: Largest request.
        credentials: Makes the server's TLS credentials; None for cleartext.
        leave_s: Seconds calls get to end at shutdown.
        stall_s: Seconds for a client to take an event of a stream.
    """

    address: str = ""
    name: str = ""
    max_bytes: int = MAX_BODY_BYTES
    credentials: Callable[[], grpc.ServerCredentials] | None = None
    leave_s: float = LEAVE_S
    stall_s: float = STALL_S


class GrpcPort:
    """A port where the agents of a process are reached over gRPC.

    The port is held from the start, so that cards can name it before anybody listens; whoever calls
    before `open` is refused the connection. It may be opened again, after a restart in the process.

    Args:
        host: Address to bind.
        port: TCP port; 0 for any free one.
        settings: What else there is to say.

    Attributes:
        address: `host:port` where others reach it.

    Raises:
        BadConfig: The address is not ours, or taken.
    """

    def __init__(self, host: str, port: int, settings: GrpcSettings | None = None) -> None:
        self._settings = settings or GrpcSettings()
        self._held = _hold(host, port)
        number = self._held.getsockname()[1]
        self._listens_at = _joined(host, number)
        self.address = self._settings.address or _joined(self._settings.name or host, number)

    def endpoint(self, agent: str) -> Endpoint:
        """What an agent's card says of it; requests name the agent as their tenant."""
        return Endpoint(Binding.GRPC, self.address, tenant=agent)

    def close(self) -> None:
        """Let go of the port; not before it is served no more."""
        self._held.close()

    @asynccontextmanager
    async def open(self, served: Served) -> AsyncGenerator[None]:
        """Serve until the block is left; then take no more calls and let the others end.

        Raises:
            BadConfig: The port cannot be listened on.
        """
        server = aio.server(options=_options(self._settings))
        watch = _HEALTH.aio.HealthServicer()
        operations, gate, agents, health = served
        ours = Grpc(operations, gate, agents, stall_s=self._settings.stall_s)
        server.add_generic_rpc_handlers((ours.handler(),))
        _HEALTH_RPCS.add_HealthServicer_to_server(watch, server)
        services = (SERVICE_NAME, grpc_health.SERVICE_NAME, reflection.SERVICE_NAME)
        _REFLECTION.enable_server_reflection(services, server, _public_pool())
        self._listen(server)
        async with anyio.create_task_group() as group:
            await _tell(watch, health)
            group.start_soon(_keep_telling, watch, health)
            await server.start()
            log.info("serve.listening", url=f"grpc://{self.address}")
            try:
                yield
            finally:
                group.cancel_scope.cancel()
                with anyio.CancelScope(shield=True):
                    await watch.enter_graceful_shutdown()
                    await server.stop(self._settings.leave_s)

    def _listen(self, server: aio.Server) -> None:
        secure = self._settings.credentials
        try:
            if secure is None:
                server.add_insecure_port(self._listens_at)
            else:
                server.add_secure_port(self._listens_at, secure())
        except RuntimeError:
            raise BadConfig(f"{self._listens_at}: cannot listen") from None


async def _tell(watch: Any, health: Health) -> None:  # noqa: ANN401 - the library has no types
    """Say over gRPC what HTTP says of the process: as a whole, and by name."""
    states = health_pb2.HealthCheckResponse
    for service in ("", SERVICE_NAME):
        await watch.set(service, states.SERVING if health.is_ready else states.NOT_SERVING)


async def _keep_telling(watch: Any, health: Health) -> None:  # noqa: ANN401 - as above
    while True:
        changed = health.next_change()
        await _tell(watch, health)
        await changed.wait()


def grpc_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """TLS of the port, from files that are read once.

    Raises:
        BadConfig: A file cannot be read.
    """
    try:
        pair = (files.key.read_bytes(), files.certificate.read_bytes())
        path = files.client_authority
        authority = None if path is None else path.read_bytes()
    except OSError as error:
        raise BadConfig(f"TLS: {error.filename}: {error.strerror}") from None
    return grpc.ssl_server_credentials([pair], authority, authority is not None)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _options(settings: GrpcSettings) -> list[tuple[str, int]]:
    identity_only = 1  # a bit an algorithm: what is packed may hold a thousand times its size
    return [
        ("grpc.max_receive_message_length", settings.max_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.compression_enabled_algorithms_bitset", identity_only),
        ("grpc.max_concurrent_streams", MAX_STREAMS),
        ("grpc.max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
        ("grpc.keepalive_time_ms", KEEP_ALIVE_S * 1000),
        ("grpc.keepalive_timeout_ms", KEEP_ALIVE_ANSWER_S * 1000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", MIN_PING_S * 1000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.so_reuseport", 1),  # beside the socket that holds the port, see `_hold`
    ]


def _hold(host: str, port: int) -> socket.socket:
    """Take a port without listening on it.

    grpc binds its own socket, and only inside the event loop. Two sockets of one user share a port
    when both say so; that nobody else has it is asked first, by a socket that does not.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, proto, _, address = found[0]
        with socket.socket(family, kind, proto) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(address)
            address = alone.getsockname()
        held = socket.socket(family, kind, proto)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(address)
    except OSError as error:
        hint = "; 0 takes any free port" if error.errno == errno.EADDRINUSE else ""
        raise BadConfig(f"{host}:{port}: cannot listen: {error.strerror}{hint}") from None
    return held


def _public_pool() -> DescriptorPool:
    """What reflection tells of: our private pool's files, and those of gRPC's own services."""
    pool = DescriptorPool()
    seen: set[str] = set()

    def add(file: FileDescriptor) -> None:
        if file.name not in seen:
            seen.add(file.name)
            for needed in file.dependencies:
                add(needed)
            pool.AddSerializedFile(file.serialized_pb)

    for told in (a2a_pb2, health_pb2, reflection_pb2):
        add(cast("FileDescriptor", told.DESCRIPTOR))
    return pool
