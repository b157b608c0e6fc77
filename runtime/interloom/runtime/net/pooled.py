"""`HttpPort` on aiohttp: the data plane, one pool of kept connections, cheap per call.

Source: `interloom.runtime.net.port` for the promises; RFC 9112 section 9 for kept connections.
No cookies, no redirects, no proxy from the environment: what is sent is what the caller gave.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from interloom.runtime.errors import BrokenOff, LocalError, TransportError
from interloom.runtime.net.guard import Guard, GuardedResolver
from interloom.runtime.net.port import DEFAULT_LIMITS, Limits, Reply

CONNECTIONS: Final = 1024
"""Connections one pool holds open at most, to all hosts together."""

KEEP_ALIVE_S: Final = 4.0
"""Seconds an idle connection is kept.

Ours: below the five seconds after which common servers close theirs, because a request sent into a
closing connection has an uncertain outcome.
"""

_FOREIGN: Final = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
"""Everything aiohttp raises for an exchange that failed."""

_UNSENDABLE: Final = (ValueError, aiohttp.NonHttpUrlClientError)
"""What it raises before a byte leaves, for a URL or a header that cannot be written."""

# First match wins, so a subclass stands above its parent. False: the peer saw nothing.
_RULES: Final[tuple[tuple[type[Exception], bool, str], ...]] = (
    (aiohttp.ConnectionTimeoutError, False, "no connection within {limits.connect_s:g} s"),
    (aiohttp.ClientConnectorCertificateError, False, "its TLS certificate is not trusted"),
    (aiohttp.ClientSSLError, False, "the TLS handshake failed"),
    (aiohttp.ClientConnectorDNSError, False, "its name does not resolve"),
    (aiohttp.ClientConnectorError, False, "no connection: refused or unreachable"),
    (aiohttp.SocketTimeoutError, True, "silent for {limits.idle_s:g} s"),
    (TimeoutError, True, "not done within {limits.total_s:g} s"),
    (aiohttp.ServerDisconnectedError, True, "closed the connection without an answer"),
    (aiohttp.ClientPayloadError, True, "the body broke off or does not decode"),
    (aiohttp.ClientResponseError, True, "the answer is not HTTP"),
    (aiohttp.ClientError, True, "the connection broke"),
    (OSError, True, "the connection broke"),
)


class PooledHttp:
    """Sends HTTP/1.1 requests over kept connections; belongs to the event loop of its first send.

    Args:
        connections: Connections held open at most; a request over it waits, up to `connect_s`.
        guard: Whom requests may go to, where URLs are somebody else's; None for anybody.
        tls: Whom to trust; None for the authorities the machine trusts.
    """

    def __init__(
        self,
        *,
        connections: int = CONNECTIONS,
        guard: Guard | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connections = connections
        self._tls = tls
        self.guard = guard
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> AbstractAsyncContextManager[Reply]:
        """Send one request when the context is entered; see `HttpPort.send`."""
        return _Exchange(self, _Request(method, url, headers, body), limits)

    async def aclose(self) -> None:
        """Close idle connections; nothing may be sent afterwards."""
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    def session(self) -> aiohttp.ClientSession:
        """The session, made on first use because aiohttp wants a running loop.

        Raises:
            LocalError: The port is closed.
        """
        if self._is_closed:
            raise LocalError("this HTTP port is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    keepalive_timeout=KEEP_ALIVE_S,
                    ssl=self._tls or True,
                    # Each connection is to an address that was judged for it.
                    use_dns_cache=self.guard is None,
                    resolver=None if self.guard is None else GuardedResolver(self.guard),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "interloom"},
                trust_env=False,
            )
        return self._session


class _Request:
    """What to send."""

    __slots__ = ("body", "headers", "method", "url")

    def __init__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body


class _Exchange:
    """One request and its reply; a hand-written context manager, for its price."""

    __slots__ = ("_limits", "_port", "_request", "_response")

    def __init__(self, port: PooledHttp, request: _Request, limits: Limits) -> None:
        self._port = port
        self._request = request
        self._limits = limits
        self._response: aiohttp.ClientResponse | None = None

    async def __aenter__(self) -> Reply:
        request = self._request
        session = self._port.session()
        if self._port.guard is not None:
            self._port.guard.target(request.url)  # an address in the URL itself is not resolved
        try:
            response = await session.request(
                request.method,
                request.url,
                data=request.body,
                headers=request.headers,
                allow_redirects=False,
                timeout=_timeout(self._limits),
            )
        except _FOREIGN as error:
            raise _translated(error, request.url, self._limits) from None
        self._response = response
        return _Reply(response, request.url, self._limits)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A body read to its end has already given its connection back; anything else is cut.
        if self._response is not None:
            self._response.close()


class _Reply:
    """An answer whose head has arrived."""

    __slots__ = ("_limits", "_response", "_seen_bytes", "_url", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, url: str, limits: Limits) -> None:
        self._response = response
        self._url = url
        self._limits = limits
        self._seen_bytes = 0
        self.status = response.status
        self.headers: Mapping[str, str] = _fields(response)

    async def read(self) -> bytes:
        """The whole body; see `Reply.read`."""
        declared = self._response.content_length
        if declared is not None and declared > self._limits.max_bytes:
            raise self._too_large()
        parts: list[bytes] = []
        async for chunk in self.chunks():
            parts.append(chunk)
            if self._response.content.at_eof():  # as after the first piece of nearly all
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece; see `Reply.chunks`."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        # No generator: one that is left half-way costs a task to clean up.
        try:
            chunk = await self._response.content.readany()
        except _FOREIGN as error:
            raise _translated(error, self._url, self._limits) from None
        if not chunk:
            raise StopAsyncIteration
        self._seen_bytes += len(chunk)
        if self._seen_bytes > self._limits.max_bytes:
            raise self._too_large()
        return chunk

    def _too_large(self) -> TransportError:
        rule = f"the body is over {self._limits.max_bytes} bytes"
        return TransportError(f"{_host(self._url)}: {rule}", delivered=True)


def _fields(response: aiohttp.ClientResponse) -> dict[str, str]:
    fields = {name.lower(): value for name, value in response.headers.items()}
    if len(fields) == len(response.headers):
        return fields
    fields.clear()
    for name, value in response.headers.items():
        key = name.lower()
        fields[key] = f"{fields[key]}, {value}" if key in fields else value
    return fields


@lru_cache(maxsize=64)
def _timeout(limits: Limits) -> aiohttp.ClientTimeout:
    total_s = limits.total_s
    # Kept within the total, so that a connection that never stands is told apart from an answer
    # that never comes.
    connect_s = limits.connect_s if total_s is None else min(limits.connect_s, total_s)
    return aiohttp.ClientTimeout(total=total_s, connect=connect_s, sock_read=limits.idle_s)


def _translated(error: Exception, url: str, limits: Limits) -> LocalError | TransportError:
    """Our error for a foreign one, whose own text may hold a URL with its query."""
    # A certificate that is not trusted is a ValueError, too: ssl.CertificateError is one.
    if isinstance(error, _UNSENDABLE) and not isinstance(error, aiohttp.ClientConnectionError):
        return LocalError(f"{_host(url)}: the URL or a header cannot be sent")
    for kind, delivered, rule in _RULES:
        if isinstance(error, kind):
            text = f"{_host(url)}: {rule.format(limits=limits)}"
            broke = delivered and not isinstance(error, TimeoutError)
            return (BrokenOff if broke else TransportError)(text, delivered=delivered)
    return TransportError(f"{_host(url)}: the exchange failed", delivered=True)


def _host(url: str) -> str:
    """Host and port alone: no user, no path, no query."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "unreadable URL"
    return f"{parts.hostname}{port}" if parts.hostname else "URL without a host"
