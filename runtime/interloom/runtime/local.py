"""A2A within one process: a client whose agent is served by a runtime beside it.

    async with runtime.open():
        task = await local_client(runtime, "hotel").send(message)

The same operations, checks and errors as over any binding, and no socket. Not on a card: nobody
else could use it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Never, Protocol

import orjson

from interloom.runtime.client.client import A2AClient
from interloom.runtime.client.options import ClientOptions
from interloom.runtime.client.port import CallContext, StreamEvent
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import LocalError, PeerError, Unavailable
from interloom.runtime.model import AgentCard, WireModel
from interloom.runtime.net.port import DEFAULT_LIMITS, Limits, Reply
from interloom.runtime.serve.auth import Principal
from interloom.runtime.serve.gate import Gate
from interloom.runtime.serve.replies import BEAT_S, report
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.card import About, Binding, Endpoint, card
from interloom.runtime.wire.errors import text
from interloom.runtime.wire.methods import Method

BINDING: Final = "urn:interloom:binding:local"
"""What the binding is called (5.8)."""


class Host(Protocol):
    """Who serves the agents: a `Runtime`, while it is open."""

    @property
    def operations(self) -> Operations:
        """What may be asked for; raises `Unavailable` when it is not open."""
        ...

    @property
    def gate(self) -> Gate:
        """Who is let in."""
        ...

    @property
    def abouts(self) -> Mapping[str, About]:
        """What the agents say of themselves."""
        ...


class Neighbours:
    """A host that is named later: what agents of one process reach each other by.

    Attributes:
        host: Who serves them; None until it is known.
    """

    def __init__(self) -> None:
        self.host: Host | None = None

    @property
    def operations(self) -> Operations:
        """As for `Host`."""
        return self._host.operations

    @property
    def gate(self) -> Gate:
        """As for `Host`."""
        return self._host.gate

    @property
    def abouts(self) -> Mapping[str, About]:
        """As for `Host`."""
        return self._host.abouts

    @property
    def _host(self) -> Host:
        if self.host is None:
            raise Unavailable("not serving")
        return self.host


def local_client(
    host: Host,
    agent: str,
    *,
    principal: Principal | None = None,
    owner: str | None = None,
    options: ClientOptions | None = None,
) -> A2AClient:
    """A client of an agent in this process.

    Args:
        host: Serves it.
        agent: Its name.
        principal: In whose name it is called; None where callers are not told apart.
        owner: In place of a principal: whose the tasks are, as a task of theirs has it.
        options: As for `A2AClient`.

    Raises:
        LocalError: The host has no such agent.
    """
    about = host.abouts.get(agent)
    if about is None:
        raise LocalError(f"no agent {agent!r} is served here")
    transport = LocalTransport(host, agent, principal, owner)
    return A2AClient(
        _card(about), _NoHttp(), options=options, opens={BINDING: lambda _interface: transport}
    )


def _card(about: About) -> AgentCard:
    """The agent's card, with the one interface that a caller in this process can use."""
    place = Endpoint(Binding.JSONRPC, f"local:{about.name}")
    plain = card(about, endpoints=(place,))
    (interface,) = plain.supported_interfaces
    here = interface.model_copy(update={"protocol_binding": BINDING})
    return plain.model_copy(update={"supported_interfaces": (here,)})


class LocalTransport:
    """Calls the operations of one agent; see `client.port.Transport`.

    Args:
        host: Serves the agent.
        agent: Its name.
        principal: In whose name it is called.
        owner: In place of a principal: whose the tasks are.
    """

    def __init__(
        self, host: Host, agent: str, principal: Principal | None, owner: str | None = None
    ) -> None:
        self._host, self._agent, self._principal = host, agent, principal
        self._owner = owner

    async def call(self, method: Method, request: WireModel, context: CallContext) -> JsonObject:
        """Do an operation; see `Transport.call`."""
        try:
            answer: bytes = await self._begun(method, request, context)
            found: JsonObject = orjson.loads(answer)
        except Exception as error:  # noqa: BLE001 - as around a request of any binding
            self._fail(error)
        return found

    async def stream(
        self, method: Method, request: WireModel, context: CallContext
    ) -> AsyncGenerator[StreamEvent]:
        """Follow an operation; see `Transport.stream`."""
        try:
            opened: AbstractAsyncContextManager[Any] = self._begun(method, request, context)
            async with opened as stream:
                if stream.opening is not None:
                    yield StreamEvent(orjson.loads(stream.opening))
                follower = stream.follower
                while not follower.done:
                    for event in await follower.next(BEAT_S):
                        yield StreamEvent(orjson.loads(follower.response(event)))
        except Exception as error:  # noqa: BLE001 - as around a request of any binding
            self._fail(error)

    async def aclose(self) -> None:
        """Nothing is held."""

    def _begun(self, method: Method, request: WireModel, context: CallContext) -> Any:  # noqa: ANN401 - the table's functions
        """The operation, once nothing speaks against it: an awaitable, or a stream to enter."""
        gate = self._host.gate
        fields = {name.encode(): value.encode() for name, value in context.fields().items()}
        gate.admit(self._agent, method.name, fields)
        caller: Caller = gate.caller(self._agent, self._principal, fields, request)
        if self._owner is not None:
            caller = caller._replace(owner=self._owner)
        return getattr(self._host.operations, method.operation)(caller, request)

    def _fail(self, error: Exception) -> Never:
        """Raise what a peer would make of an error: of a defect, none of its words."""
        report(error, self._agent)
        if text(error) == str(error):
            raise error
        raise PeerError(f"{self._agent}: {text(error)}") from None


class _NoHttp:
    """The port of a client that sends nothing."""

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> AbstractAsyncContextManager[Reply]:
        """Refuse."""
        raise LocalError(f"{method} {url}: a local client opens no connections")

    async def aclose(self) -> None:
        """Nothing is open."""
