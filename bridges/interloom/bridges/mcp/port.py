"""The one door to an MCP server, whatever carries the bytes.

Source: MCP 2026-07-28, basic/transports/index (what a binding must deliver, how a request is
left), basic/patterns/subscriptions. Four promises are ours, whichever transport keeps them: a
request has one result or one error; what is heard on the way is heard in order and by its own
request; every wait is bounded; leaving a request, by cancelling it or by breaking off a stream,
tells the server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.runtime.errors import BadConfig, TransportError
from interloom.runtime.values import JsonObject

Hear: TypeAlias = Callable[[Notification], Awaitable[None]]
"""What is done with a notification on the way to a result: progress, a log message, anything else.

It runs in the request's own task, so a slow one holds up its own request and no other. What it
raises ends the request.
"""


CEILING_S: Final = 3600.0
"""Seconds that no request may exceed, whoever asks for more; ours."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request may take.

    One that is sent again, because it was refused for its version or its headers or its connection
    broke where repeating is safe, has it anew.

    Attributes:
        silence_s: Seconds without a word from the server before the request is given up.
        total_s: Seconds in all, whatever is heard on the way (basic/patterns/cancellation
            "Timeouts": a maximum is enforced regardless of progress).
    """

    silence_s: float
    total_s: float

    def bounded(self) -> Patience:
        """The same within the ceiling."""
        if self.total_s <= CEILING_S:
            return self
        return Patience(min(self.silence_s, CEILING_S), CEILING_S)


def check_total(server: str, total_s: float) -> None:
    """Hold a server's configuration against the ceiling.

    Raises:
        BadConfig: `total_s` is not above 0, or over the ceiling.
    """
    if not 0 < total_s <= CEILING_S:
        rule = f"total_s must be above 0 and at most {CEILING_S:g}"
        raise BadConfig(f"MCP server {server}: {rule}")


class ClientFault(TransportError):
    """No answer, for a reason on this side: it says nothing about the server's health."""

    code = "MCP_CLIENT_FAULT"


class Transport(Protocol):
    """Carries stamped requests to one server; any number of them at once."""

    @property
    def server(self) -> str:
        """Our name for the server, as errors and logs have it."""
        ...

    def open(self) -> AbstractAsyncContextManager[None]:
        """Keep what works in the background alive while the block runs.

        A child process, its supervision, a session. It is started when a request first needs it,
        and brought to an orderly end when the block is left. A transport that keeps nothing, like
        modern Streamable HTTP, also works outside the block; the others raise `LocalError` there.
        """
        ...

    async def request(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        hear: Hear | None = None,
        patience: Patience | None = None,
    ) -> JsonObject:
        """Send one request; return the result object of its response.

        Args:
            request: The stamped request.
            headers: What is mirrored from it, for a transport that has an envelope.
            hear: Given every notification of this request; None drops them.
            patience: How long it may take; None for what the server's configuration says.

        Raises:
            LocalError: The request cannot be put on the wire.
            TransportError: No answer; `delivered` says whether the server can have seen it.
            McpPeerError: What arrived is not a response to it, or is an error.
        """
        ...

    def listen(
        self, request: Request, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[AsyncIterator[Notification]]:
        """Send a request whose notifications are the point: `subscriptions/listen`.

        Iterating gives them as they come, the acknowledgment first, and ends when the server ends
        the stream with a response or cancels it. Leaving the context leaves the stream. It has no
        end of its own; one that keeps silent for longer than the transport believes a connection to
        stand is taken for broken.

        Raises:
            LocalError | TransportError | McpPeerError: As for `request`, on entering and at any
                step; a stream that breaks off without a response is a `TransportError`.
        """
        ...

    def leave(self, state: str) -> None:
        """Let go of a call whose questions nobody will answer any more.

        Between its rounds nothing of a call is under way (basic/patterns/mrtr), so there is nothing
        to do. A server of an older revision waits for the answers, and is told.

        Args:
            state: The `requestState` of the round that asked.
        """
        ...
