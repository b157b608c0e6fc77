"""A server of an older revision on a stream of lines, that a test can have ask and tell."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import anyio
from anyio.streams.stapled import StapledObjectStream

from interloom.bridges.mcp.eras import Eras, lines_in_any_era
from interloom.bridges.mcp.memory import InMemory
from interloom.bridges.mcp.port import Patience
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.spoken import Frame, React, Server, framed, result_of

CAPABILITIES: Final[JsonObject] = {
    "tools": {"listChanged": True},
    "resources": {"subscribe": True},
    "prompts": {},
}
WELCOME: Final[JsonObject] = {
    "protocolVersion": "2025-11-25",
    "capabilities": CAPABILITIES,
    "serverInfo": {"name": "elder", "version": "1"},
    "instructions": "Ask nicely.",
}
FORM: Final[JsonObject] = {
    "message": "Which seat?",
    "requestedSchema": {"type": "object", "properties": {"seat": {"type": "string"}}},
}


class Elder:
    """Knows the handshake; everything else is up to `react`.

    Attributes:
        server: The other end, with every frame it has seen.
        welcome: What it answers to `initialize`.
    """

    def __init__(self, react: React, welcome: JsonObject = WELCOME) -> None:
        self.welcome = welcome
        self._react = react
        self.server = Server(self._take)
        self._greeted = False

    async def serve(self, end: StapledObjectStream[bytes]) -> None:
        await self.server.serve(end)

    async def _take(self, server: Server, frame: Frame) -> None:
        match frame.get("method"):
            case "initialize":
                self._greeted = True
                await server.say(result_of(frame, **self.welcome))
            case "notifications/initialized":
                pass
            case _ if "id" not in frame and not self._greeted:
                pass
            case _ if not self._greeted:
                error = {"code": -32602, "message": "not initialized"}
                await server.say(framed(id=frame["id"], error=error))
            case _:
                await self._react(server, frame)


async def ask(server: Server, request_id: Json, params: JsonObject = FORM) -> None:
    """Have the server ask a question."""
    await server.say(framed(id=request_id, method="elicitation/create", params=params))


def methods(server: Server) -> list[Json]:
    """What a server was asked and told, answers left out."""
    return [frame["method"] for frame in server.frames if "method" in frame]


def answer_of(server: Server, request_id: Json) -> Mapping[str, Json] | None:
    """Our response to a request of the server, once there is one."""
    found = [f for f in server.frames if "method" not in f and f.get("id") == request_id]
    return found[0] if found else None


@asynccontextmanager
async def lines_to(
    elder: Elder, *, silence_s: float = 10.0, total_s: float = 20.0
) -> AsyncGenerator[Eras]:
    patience = Patience(silence_s, total_s)
    eras = lines_in_any_era(InMemory("depot", elder.serve, patience=patience), patience)
    with anyio.fail_after(30):
        async with eras.open():
            yield eras
