"""The interfaces of one agent: which is used, and which comes next when it cannot be reached.

Source: A2A 1.0.1 section 8.3.2. That a client goes on to the next interface is ours, and only for a
request that certainly was not delivered: anything else might be done twice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace

from interloom.runtime.client import choose
from interloom.runtime.client.addresses import host, origin
from interloom.runtime.client.options import Credentials
from interloom.runtime.client.port import CallContext, Open, StreamEvent, Transport
from interloom.runtime.errors import TransportError
from interloom.runtime.model import AgentCard, AgentInterface, WireModel
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.methods import Method


class Route:
    """The way to one agent.

    Args:
        opens: Makes the transport of each binding.
        credentials: Asked for each request, by the origin of the interface it goes to.
    """

    def __init__(self, opens: Mapping[str, Open], credentials: Credentials) -> None:
        self._opens = opens
        self._credentials = credentials
        self._card: AgentCard | None = None
        self._interfaces: tuple[AgentInterface, ...] = ()
        self._transports: dict[AgentInterface, Transport] = {}

    def follow(self, card: AgentCard, spoken: Collection[str]) -> None:
        """Go by a card from now on; what is under way goes on as it began.

        Args:
            card: The agent's; nothing is done when it is the one we go by.
            spoken: Names of the bindings to use.

        Raises:
            PeerError: It names no interface that we speak.
        """
        if card is not self._card:
            self._interfaces, self._card = choose.interfaces(card, spoken), card

    @property
    def interface(self) -> AgentInterface:
        """The one that is used, as far as is known."""
        return self._interfaces[0]

    @property
    def peer(self) -> str:
        """The agent's name in messages: host and port of that interface."""
        return host(self.interface.url)

    async def call(self, method: Method, request: WireModel, context: CallContext) -> JsonObject:
        """Send a request over the first interface that can be reached; see `Transport.call`."""
        *others, last = self._interfaces
        for interface in others:
            try:
                return await self._call(interface, method, request, context)
            except TransportError as error:
                self._put_last(interface, error)
        return await self._call(last, method, request, context)

    async def _call(
        self, interface: AgentInterface, method: Method, request: WireModel, context: CallContext
    ) -> JsonObject:
        transport, addressed, complete = await self._ready(interface, request, context)
        return await transport.call(method, addressed, complete)

    async def stream(
        self, method: Method, request: WireModel, context: CallContext
    ) -> AsyncGenerator[StreamEvent]:
        """Follow a stream over the first interface that can be reached; see `Transport.stream`."""
        last = self._interfaces[-1]
        for interface in self._interfaces:
            try:
                transport, addressed, complete = await self._ready(interface, request, context)
                async with aclosing(transport.stream(method, addressed, complete)) as events:
                    async for event in events:
                        yield event
            except TransportError as error:
                if interface is last:
                    raise
                self._put_last(interface, error)
            else:
                return

    async def aclose(self) -> None:
        """Close what the transports hold open."""
        while self._transports:
            _, transport = self._transports.popitem()
            await transport.aclose()

    def _put_last(self, interface: AgentInterface, error: TransportError) -> None:
        """Try the others first from now on; or raise, when the request may have arrived."""
        if error.delivered:
            raise error
        if interface is self._interfaces[0]:
            self._interfaces = (*self._interfaces[1:], interface)

    async def _ready(
        self, interface: AgentInterface, request: WireModel, context: CallContext
    ) -> tuple[Transport, WireModel, CallContext]:
        """The transport of an interface; and the request with its tenant, exactly (8.3.2)."""
        transport = self._transports.get(interface)
        if transport is None:
            transport = self._opens[interface.protocol_binding](interface)
            self._transports[interface] = transport
        addressed = request.model_copy(update={"tenant": interface.tenant})
        headers = await self._credentials(origin(interface.url))
        return transport, addressed, replace(context, headers=headers)
