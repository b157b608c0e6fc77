"""The interfaces of one agent: which is used, and which comes next when it cannot be reached.

Source: A2A 1.0.1 section 8.3.2. That a client goes on to the next interface is ours, and only for a
request that certainly was not delivered: anything else might be done twice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from interloom.runtime.client.addresses import host, origin
from interloom.runtime.client.options import Credentials
from interloom.runtime.client.port import CallContext, Open, StreamEvent, Transport
from interloom.runtime.errors import TransportError
from interloom.runtime.model import AgentInterface, WireModel
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.methods import Method


class Route:
    """The way to one agent.

    Args:
        interfaces: Those we can use, in the card's order; at least one.
        opens: Makes the transport of each binding.
        credentials: Asked for each request, by the origin of the interface it goes to.
    """

    def __init__(
        self,
        interfaces: Sequence[AgentInterface],
        opens: Mapping[str, Open],
        credentials: Credentials,
    ) -> None:
        self._interfaces = tuple(interfaces)
        self._opens = opens
        self._credentials = credentials
        self._transports: dict[AgentInterface, Transport] = {}
        self._current = 0

    @property
    def interface(self) -> AgentInterface:
        """The one that is used, as far as is known."""
        return self._interfaces[self._current]

    @property
    def peer(self) -> str:
        """The agent's name in messages: host and port of that interface."""
        return host(self.interface.url)

    async def call(self, method: Method, request: WireModel, context: CallContext) -> JsonObject:
        """Send a request over the first interface that can be reached; see `Transport.call`."""
        for index in self._order():
            try:
                transport, addressed, complete = await self._ready(index, request, context)
                data = await transport.call(method, addressed, complete)
            except TransportError as error:
                self._go_on(index, error)
            else:
                self._current = index
                return data
        raise AssertionError("unreachable: the last interface raises")

    async def stream(
        self, method: Method, request: WireModel, context: CallContext
    ) -> AsyncGenerator[StreamEvent]:
        """Follow a stream over the first interface that can be reached; see `Transport.stream`."""
        for index in self._order():
            try:
                transport, addressed, complete = await self._ready(index, request, context)
                async with aclosing(transport.stream(method, addressed, complete)) as events:
                    async for event in events:
                        self._current = index
                        yield event
            except TransportError as error:
                self._go_on(index, error)
            else:
                return

    async def aclose(self) -> None:
        """Close what the transports hold open."""
        while self._transports:
            _, transport = self._transports.popitem()
            await transport.aclose()

    def _order(self) -> list[int]:
        """The current interface first, then the others in the card's order."""
        others = (index for index in range(len(self._interfaces)) if index != self._current)
        return [self._current, *others]

    def _go_on(self, index: int, error: TransportError) -> None:
        """Let the next interface be tried, or raise."""
        if error.delivered or index == self._order()[-1]:
            raise error

    async def _ready(
        self, index: int, request: WireModel, context: CallContext
    ) -> tuple[Transport, WireModel, CallContext]:
        """The transport of an interface; and the request with its tenant, exactly (8.3.2)."""
        interface = self._interfaces[index]
        transport = self._transports.get(interface)
        if transport is None:
            transport = self._opens[interface.protocol_binding](interface)
            self._transports[interface] = transport
        addressed = request.model_copy(update={"tenant": interface.tenant})
        headers = await self._credentials(origin(interface.url))
        return transport, addressed, replace(context, headers=headers)
