"""What a binding is to the client: something that carries a call, or a stream, to one interface.

`A2AClient` knows operations, tasks and what to do when something breaks; a `Transport` knows bytes.
Bindings differ in nothing else: requests go in as values of the data model, answers come out as
A2A JSON, errors as the classes of `interloom.runtime.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeAlias

from interloom.runtime.core.trace import Trace
from interloom.runtime.model import AgentInterface, WireModel
from interloom.runtime.net.port import DEFAULT_LIMITS, Limits
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.methods import Method
from interloom.runtime.wire.versions import SERVED

MAX_EVENT_BYTES: Final = 10 * 1024 * 1024
"""Bytes of one streamed event; an artifact chunk may be as large as a whole answer (ours)."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What goes along with one request, whatever the binding.

    Attributes:
        trace: W3C trace context, or None.
        deadline: When the caller stops waiting, seconds on the event loop's clock
            (`anyio.current_time`); None for never. The client ends the wait itself: a binding may
            tell the agent.
        limits: Bounds on connecting, on silence and on the size of the answer.
        extensions: URIs of the extensions the request activates (3.2.6).
        headers: Credentials and other fields by lower-case name, for this interface's origin alone.
        after: Id of the last event seen, when a broken stream goes on; empty for none.
        version: The protocol version that is spoken (3.6.1).
    """

    trace: Trace | None = None
    deadline: float | None = None
    limits: Limits = DEFAULT_LIMITS
    extensions: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    after: str = ""
    version: str = SERVED

    def fields(self) -> dict[str, str]:
        """All of it as HTTP headers or gRPC metadata: lower-case names (3.2.6, 9.2, 10.2, 11.2)."""
        found = {**self.headers, "a2a-version": self.version}
        if self.extensions:
            found["a2a-extensions"] = ",".join(self.extensions)
        if self.after:
            found["last-event-id"] = self.after
        if self.trace is not None:
            found |= self.trace.carrier()
        return found


class StreamEvent(NamedTuple):
    """One event of a stream.

    Attributes:
        data: A `StreamResponse`.
        id: The id its sender gave it, to go on after it; empty when there is none.
    """

    data: JsonObject
    id: str = ""


class Transport(Protocol):
    """One binding, bound to one interface of one agent."""

    async def call(self, method: Method, request: WireModel, context: CallContext) -> JsonObject:
        """Send a request and wait for its answer, a message of the data model; `{}` for Empty.

        Args:
            method: A row of the method table that is no stream.
            request: Of the type the row names; its tenant is the interface's already.
            context: What goes along.

        Raises:
            TransportError: Bytes did not arrive; `delivered` is False when the agent certainly
                never saw the request.
            AuthRequired: The agent wants credentials.
            InterloomError: The class that the agent's error stands for.
            InvalidAgentResponse: The answer breaks the specification.
        """
        ...

    def stream(
        self, method: Method, request: WireModel, context: CallContext
    ) -> AsyncGenerator[StreamEvent]:
        """Send a request and give the events of its answer as they arrive.

        The generator ends where the agent ends the stream; closing it ends the exchange.

        Raises:
            InterloomError: As for `call`, before the first event or after any.
        """
        ...

    async def aclose(self) -> None:
        """Let go of what this interface holds open, but not of what it was given."""
        ...


Open: TypeAlias = Callable[[AgentInterface], Transport]
"""Makes the transport of an interface; opens no connection yet."""
