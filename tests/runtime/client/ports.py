"""An HTTP port without a network that plays a script."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson

from interloom.runtime.net.port import DEFAULT_LIMITS, Limits, Reply


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
    """Gives the answers in order and remembers the requests; an error among them is raised."""

    answers: Sequence[Canned | Exception]
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
        first, *self.answers = self.answers
        return self._exchange(first, self.sent[-1])

    @asynccontextmanager
    async def _exchange(self, answer: Canned | Exception, request: Sent) -> AsyncGenerator[Reply]:
        if isinstance(answer, Exception):
            raise answer
        if request.body is not None:
            asked = str(request.frame.get("id")).encode()
            answer.pieces = tuple(piece.replace(b"%ID%", asked) for piece in answer.pieces)
        try:
            yield answer
        finally:
            answer.is_closed = True

    async def aclose(self) -> None:
        """Nothing is open."""
