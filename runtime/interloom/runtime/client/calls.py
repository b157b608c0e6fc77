"""One request or stream of a client: the card, the way there, what goes along, the time limit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from math import inf
from typing import Final, TypeVar

import anyio

from interloom.runtime.client import replies
from interloom.runtime.client.cards import Cards
from interloom.runtime.client.jsonrpc import JsonRpcTransport
from interloom.runtime.client.options import ClientOptions
from interloom.runtime.client.port import CallContext, Open
from interloom.runtime.client.rest import RestTransport
from interloom.runtime.client.route import Route
from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import TransportError
from interloom.runtime.model import AgentCard, StreamResponse, WireModel
from interloom.runtime.net.port import HttpPort
from interloom.runtime.values import JsonObject
from interloom.runtime.wire import streams
from interloom.runtime.wire.card import Binding
from interloom.runtime.wire.methods import METHODS

Answer = TypeVar("Answer", bound=WireModel)
Result = TypeVar("Result")

HOLD_S: Final = 30.0
"""Seconds a client goes by the card it has, before it asks whether there is another (ours).

Below this, a card that says `no-cache` would be a second request before every request.
"""
_PATIENT: Final = frozenset({"SendMessage", "SendStreamingMessage", "SubscribeToTask"})
"""Operations that last as long as the agent works."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A request on its way out.

    Attributes:
        name: Of its operation.
        request: Its parameters.
        trace: W3C trace context, or None.
        ends_at: When it must be done, seconds on the event loop's clock.
        after: As for `CallContext`.
    """

    name: str
    request: WireModel
    trace: Trace | None = None
    ends_at: float = inf
    after: str = ""


def sending(
    name: str, request: WireModel, trace: Trace | None = None, timeout_s: float | None = None
) -> Sending:
    """A request that leaves now, and has so many seconds."""
    ends_at = inf if timeout_s is None else anyio.current_time() + timeout_s
    return Sending(name, request, trace, ends_at)


def http_bindings(port: HttpPort) -> Mapping[str, Open]:
    """The bindings that need no more than an HTTP port, by their names on cards."""
    return {
        Binding.JSONRPC.value: lambda interface: JsonRpcTransport(interface, port),
        Binding.HTTP_JSON.value: lambda interface: RestTransport(interface, port),
    }


class Calls:
    """Sends the requests of one client.

    Args:
        agent: The agent's card, or the address where the card is fetched on first use.
        cards: Where the card at an address comes from.
        options: As for `A2AClient`.
        opens: Every binding that may be spoken, by its name on cards.
    """

    def __init__(
        self,
        agent: AgentCard | str,
        cards: Cards,
        options: ClientOptions,
        opens: Mapping[str, Open],
    ) -> None:
        self._agent, self._cards = agent, cards
        self._options, self._opens = options, opens
        self._card: AgentCard | None = None
        self._asks_at = 0.0
        self._route = Route(opens, options.credentials)

    async def card(self) -> AgentCard:
        """The agent's card, as it is now or was half a minute ago.

        Raises:
            UntrustedCard: The policy does not trust it.
        """
        now = self._cards.clock.monotonic()
        if self._card is not None and now < self._asks_at:
            return self._card
        if isinstance(self._agent, str):
            card = await self._cards.get(self._agent)
        else:
            card = self._agent
            await self._cards.check(card)
        self._card, self._asks_at = card, now + HOLD_S
        return card

    async def route(self) -> Route:
        """The way to the agent.

        Raises:
            PeerError: Its card names no interface that we speak.
        """
        self._route.follow(await self.card(), self._options.bindings or tuple(self._opens))
        return self._route

    async def answer(self, kind: type[Answer], sending: Sending) -> Answer:
        """Send one request; its answer, decoded."""
        peer, data = await self.call(sending)
        return replies.decoded(peer, kind, data)

    async def call(self, sending: Sending) -> tuple[str, JsonObject]:
        """Send one request; the peer's name for messages, and the answer.

        Raises:
            TransportError: Also when it was not done in time.
        """
        return await _in_time(self._call(sending), sending)

    async def _call(self, sending: Sending) -> tuple[str, JsonObject]:
        route = await self.route()
        context = self._context(sending, self._options.extensions)
        return route.peer, await route.call(METHODS[sending.name], sending.request, context)

    async def events(self, sending: Sending) -> AsyncGenerator[tuple[StreamResponse, str]]:
        """Send one request; the events of its answer, decoded, with their ids.

        Raises:
            TransportError: Also when the stream did not end in time.
        """
        route = await _in_time(self.route(), sending)
        context = self._context(sending, await self._stream_extensions())
        stream = route.stream(METHODS[sending.name], sending.request, context)
        async with aclosing(stream) as events:
            # One time limit an event: no scope may be open while the caller has the floor.
            while event := await _in_time(anext(events, None), sending):
                data, number = streams.unnumbered(event.data)
                yield replies.decoded(route.peer, StreamResponse, data), number or event.id

    async def _stream_extensions(self) -> tuple[str, ...]:
        """What a stream activates: numbers to go on by, too, where the agent offers them."""
        wanted, offered = self._options.extensions, (await self.card()).capabilities.extensions
        if streams.URI in wanted or all(each.uri != streams.URI for each in offered):
            return wanted
        return (*wanted, streams.URI)

    async def aclose(self) -> None:
        """Close what the bindings hold open."""
        await self._route.aclose()

    def _context(self, sending: Sending, extensions: tuple[str, ...]) -> CallContext:
        limits = self._options.patient if sending.name in _PATIENT else self._options.limits
        deadline = None if sending.ends_at == inf else sending.ends_at
        return CallContext(
            sending.trace, deadline, limits, extensions=extensions, after=sending.after
        )


async def _in_time(work: Awaitable[Result], sending: Sending) -> Result:
    with anyio.CancelScope(deadline=sending.ends_at):
        return await work
    raise TransportError(f"{sending.name}: not done within its time limit", delivered=True)
