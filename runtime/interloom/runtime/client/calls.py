"""One request or stream of a client: the card, the way there, what goes along, the time limit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import aclosing
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

    async def answer(
        self,
        name: str,
        kind: type[Answer],
        request: WireModel,
        trace: Trace | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send one request; its answer, decoded."""
        peer, data = await self.call(name, request, trace, timeout_s)
        return replies.decoded(peer, kind, data)

    async def call(
        self,
        name: str,
        request: WireModel,
        trace: Trace | None = None,
        timeout_s: float | None = None,
    ) -> tuple[str, JsonObject]:
        """Send one request; the peer's name for messages, and the answer.

        Raises:
            TransportError: Also when it was not done within `timeout_s`.
        """
        ends_at = _ends_at(timeout_s)
        return await _in_time(self._call(name, request, trace, ends_at), name, ends_at)

    async def _call(
        self, name: str, request: WireModel, trace: Trace | None, ends_at: float
    ) -> tuple[str, JsonObject]:
        route = await self.route()
        data = await route.call(METHODS[name], request, self._context(name, trace, ends_at))
        return route.peer, data

    async def events(
        self,
        name: str,
        request: WireModel,
        trace: Trace | None = None,
        timeout_s: float | None = None,
    ) -> AsyncGenerator[StreamResponse]:
        """Send one request; the events of its answer, decoded.

        Raises:
            TransportError: Also when the stream did not end within `timeout_s`.
        """
        ends_at = _ends_at(timeout_s)
        route = await _in_time(self.route(), name, ends_at)
        context = self._context(name, trace, ends_at)
        async with aclosing(route.stream(METHODS[name], request, context)) as events:
            # One time limit an event: no scope may be open while the caller has the floor.
            while event := await _in_time(anext(events, None), name, ends_at):
                yield replies.decoded(route.peer, StreamResponse, event.data)

    async def aclose(self) -> None:
        """Close what the bindings hold open."""
        await self._route.aclose()

    def _context(self, name: str, trace: Trace | None, ends_at: float) -> CallContext:
        limits = self._options.patient if name in _PATIENT else self._options.limits
        deadline = None if ends_at == inf else ends_at
        return CallContext(trace, deadline, limits, self._options.extensions)


def _ends_at(timeout_s: float | None) -> float:
    return inf if timeout_s is None else anyio.current_time() + timeout_s


async def _in_time(work: Awaitable[Result], name: str, ends_at: float) -> Result:
    with anyio.CancelScope(deadline=ends_at):
        return await work
    raise TransportError(f"{name}: not done within its time limit", delivered=True)
