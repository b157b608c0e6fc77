"""A transport that leaves a server alone for a while when it has failed lately.

Source: ours, see `core.breaker`. One server that is down takes no other along, nor the calls that
have nothing to do with it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)

from interloom.bridges.mcp.core.breaker import Breaker
from interloom.bridges.mcp.core.errors import Busy, McpPeerError
from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.health import Condition
from interloom.bridges.mcp.port import ClientFault, Hear, Patience, Transport
from interloom.runtime.errors import TransportError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import Clock, JsonObject, SystemClock

_log = logger("mcp")


class Guarded:
    """Another transport behind a circuit breaker.

    Args:
        inner: Reaches the server.
        condition: What is known of the server, shared by all transports to it; None for one alone.
        clock: Tells how long the server is left alone; None for the machine's.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        condition: Condition | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._inner, self._clock = inner, clock or SystemClock()
        self._condition = condition or Condition()

    @property
    def breaker(self) -> Breaker:
        """Whether the server is tried at all."""
        return self._condition.breaker

    @property
    def server(self) -> str:
        """See `Transport`."""
        return self._inner.server

    def open(self) -> AbstractAsyncContextManager[None]:
        """See `Transport`."""
        return self._inner.open()

    async def request(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        hear: Hear | None = None,
        patience: Patience | None = None,
    ) -> JsonObject:
        """See `Transport`; a server that rests is a `TransportError` that was not delivered."""
        with self._trying(request.method):
            return await self._inner.request(request, headers, hear=hear, patience=patience)

    @asynccontextmanager
    async def listen(
        self, request: Request, headers: Mapping[str, str]
    ) -> AsyncGenerator[AsyncIterator[Notification]]:
        """See `Transport`; only how a stream begins says something about the server's health."""
        async with AsyncExitStack() as stack:
            with self._trying(request.method, is_answered=False):
                said = await stack.enter_async_context(self._inner.listen(request, headers))
            yield _Beginning(said, self._judging)

    def leave(self, state: str) -> None:
        """See `Transport`."""
        self._inner.leave(state)

    @contextmanager
    def _trying(self, method: str, *, is_answered: bool = True) -> Generator[None]:
        """Ask for one call, and judge the server by it."""
        known = self._condition
        known.breaker, may = known.breaker.admit(self._clock.monotonic())
        if not may:
            rule = "was not tried, because the server has not answered lately"
            raise TransportError(f"MCP server {self.server}: {method}: {rule}", delivered=False)
        with self._judging(is_answered=is_answered):
            yield

    @contextmanager
    def _judging(self, *, is_answered: bool = True) -> Generator[None]:
        """Judge the server by how the block ends; `is_answered` if its end is an answer."""
        known = self._condition
        try:
            yield
        except ClientFault:
            known.breaker = known.breaker.left()
            raise
        except (TransportError, Busy) as error:
            known.problem = str(error)
            self._become(known.breaker.failed(self._clock.monotonic()))
            raise
        except McpPeerError:
            self._answered()
            raise
        except BaseException:
            known.breaker = known.breaker.left()
            raise
        if is_answered:
            self._answered()
        else:
            known.breaker = known.breaker.left()

    def _answered(self) -> None:
        self._condition.answered = self._clock.now()
        self._become(self._condition.breaker.succeeded())

    def _become(self, breaker: Breaker) -> None:
        before, self._condition.breaker = self._condition.breaker, breaker
        if before.is_closed and not breaker.is_closed:
            _log.warning("mcp.server_down", server=self.server, failures=breaker.failures)
        elif breaker.is_closed and not before.is_closed:
            _log.warning("mcp.server_up", server=self.server)


class _Beginning:
    """What a stream brings; the first of it shows that the server is there."""

    __slots__ = ("_is_begun", "_judging", "_said")

    def __init__(
        self,
        said: AsyncIterator[Notification],
        judging: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._said, self._judging, self._is_begun = said, judging, False

    def __aiter__(self) -> AsyncIterator[Notification]:
        return self

    async def __anext__(self) -> Notification:
        if self._is_begun:
            return await anext(self._said)
        self._is_begun = True
        with self._judging():
            return await anext(self._said)
