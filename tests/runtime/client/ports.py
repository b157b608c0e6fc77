"""Two HTTP ports without a network: one that plays a script, one that calls an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio
import orjson

from interloom.runtime.net.port import DEFAULT_LIMITS, Limits, Reply
from interloom.runtime.serve.asgi import A2AApp


@dataclass(frozen=True)
class Sent:
    """A request as it left the client."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    limits: Limits

    @property
    def frame(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.body or b"null")
        return found


@dataclass
class Canned:
    """An answer. `%ID%` in it becomes the request's id; `broken` ends the body with that error."""

    pieces: tuple[bytes, ...]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    broken: Exception | None = None
    is_closed: bool = False

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            await anyio.lowlevel.checkpoint()
            yield piece
        if self.broken is not None:
            raise self.broken


@dataclass
class ScriptedPort:
    """Gives the answers in order and remembers the requests."""

    answers: list[Canned]
    sent: list[Sent] = field(default_factory=list[Sent])

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> AbstractAsyncContextManager[Reply]:
        self.sent.append(Sent(method, url, headers, body, limits))
        return self._exchange(self.answers.pop(0), self.sent[-1])

    @asynccontextmanager
    async def _exchange(self, answer: Canned, request: Sent) -> AsyncGenerator[Reply]:
        if request.body is not None:
            asked = str(request.frame["id"]).encode()
            answer.pieces = tuple(piece.replace(b"%ID%", asked) for piece in answer.pieces)
        try:
            yield answer
        finally:
            answer.is_closed = True

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass
class _AppReply:
    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]

    async def read(self) -> bytes:
        return b"".join([piece async for piece in self.body])

    async def chunks(self) -> AsyncIterator[bytes]:
        async for piece in self.body:
            yield piece


@dataclass
class AsgiPort:
    """Sends requests to an ASGI application in this process."""

    app: A2AApp

    @asynccontextmanager
    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> AsyncGenerator[Reply]:
        fields = {"host": urlsplit(url).netloc, **headers}
        scope = {
            "type": "http",
            "method": method,
            "path": urlsplit(url).path,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        }
        into, out = anyio.create_memory_object_stream[dict[str, Any]](100)
        asked = iter([{"type": "http.request", "body": body or b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in asked:
                return message
            await anyio.sleep_forever()
            raise AssertionError

        async def run() -> None:
            with into:
                await self.app(scope, receive, into.send)  # type: ignore[arg-type]  # ASGI's loose dict

        failure: BaseException | None = None
        async with anyio.create_task_group() as group, out:
            group.start_soon(run)
            start = await out.receive()
            fields = {name.decode(): value.decode() for name, value in start["headers"]}

            async def pieces() -> AsyncIterator[bytes]:
                async for message in out:
                    yield message["body"]

            try:
                yield _AppReply(start["status"], fields, pieces())
            except (Exception, GeneratorExit) as error:  # noqa: BLE001 - the group would wrap it
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def aclose(self) -> None:
        """Nothing is open."""
