"""What carries the messages of a session with an older server.

Source: MCP 2025-11-25, basic/lifecycle, basic/transports (session management).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from interloom.bridges.mcp.core.frames import Request
from interloom.bridges.mcp.port import Patience
from interloom.runtime.values import JsonObject

Arrived: TypeAlias = Callable[[JsonObject], None]
"""Given each notification, and each request of the server, as it comes."""


class SessionLost(Exception):
    """The server no longer knows the session; what was asked was not done (transports 4)."""


class Connection(Protocol):
    """One session: from `initialize` until either side has had enough."""

    @property
    def is_alive(self) -> bool:
        """False once a new one is needed."""
        ...

    def begin(self, version: str, overheard: Arrived, ended: Callable[[], None]) -> None:
        """The handshake is done.

        Args:
            version: What was agreed on.
            overheard: Given what comes without a request of ours as its reason.
            ended: Told when nothing will be overheard any more.
        """
        ...

    async def can_overhear(self) -> bool:
        """Whether anything can come without a request of ours as its reason; after `begin`."""
        ...

    async def ask(
        self, request: Request, *, patience: Patience, arrived: Arrived | None = None
    ) -> JsonObject:
        """Send a request; return the result object of its response.

        Cancelling it tells the server (basic/utilities/cancellation).

        Raises:
            SessionLost: The session is gone and the request was not carried out.
            TransportError | McpPeerError: As for `Transport.request`.
        """
        ...

    async def tell(self, frame: JsonObject) -> None:
        """Send a notification or a response.

        Raises:
            SessionLost | TransportError | McpPeerError: It did not arrive.
        """
        ...


class Link(Protocol):
    """Makes connections to one server."""

    @property
    def server(self) -> str:
        """Our name for the server."""
        ...

    def open(self) -> AbstractAsyncContextManager[None]:
        """Keep what works in the background alive while the block runs, then end the session."""
        ...

    async def connection(self, request: Request, patience: Patience) -> Connection:
        """The connection that lives, or a new one, for which the handshake is still to be made.

        Raises:
            LocalError: The link is not open.
            TransportError: It cannot be had now.
        """
        ...
