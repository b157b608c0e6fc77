"""stdio: the server is a child process of ours, one JSON-RPC message a line.

Source: MCP 2026-07-28, basic/transports/stdio. The child is started when a request first needs it,
and again when one needs it after it has died ("Unexpected Termination"), with a pause that doubles
while it keeps dying. Requests under way when it dies are lost, and say so.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import anyio
from anyio.abc import Process, TaskGroup

from interloom.bridges.mcp import children
from interloom.bridges.mcp.channel import Channel, Manners
from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.port import Hear, Patience, check_total
from interloom.bridges.mcp.turn import turn
from interloom.runtime.errors import BadConfig, LocalError, TransportError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject

FIRST_PAUSE_S: Final = 0.1
MAX_PAUSE_S: Final = 30.0
"""Seconds between the death of a child and its next start; doubles from the first to the last."""
STEADY_S: Final = 30.0
"""A child that lived this long had started well: its death begins a new count."""

_log = logger("mcp")


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One MCP server that is a program of this machine.

    Attributes:
        name: Our name for it, in errors, logs and questions.
        command: The program, by path or as found on PATH.
        args: Its arguments; never printed, a key may be among them.
        env: Variables it sees beside the inherited ones (`children.INHERITED`); never printed.
        cwd: Its working directory; None for ours.
        timeout_s: Seconds of silence before a request is given up.
        total_s: Seconds one request may take in all, whatever progress it reports; at most
            `port.CEILING_S`.
        max_bytes: Bytes of one message.

    Raises:
        BadConfig: There is no command, a word of it cannot be passed on, or
            `total_s` is over the ceiling.
    """

    name: str
    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cwd: str | None = None
    timeout_s: float = 60.0
    total_s: float = 600.0
    max_bytes: int = 10 * 1024 * 1024

    def __post_init__(self) -> None:
        check_total(self.name, self.total_s)
        if not self.command:
            raise BadConfig(f"MCP server {self.name}: command must not be empty")
        words = (self.command, *self.args, *self.env, *self.env.values(), self.cwd or "")
        if any("\0" in word for word in words) or any("=" in name for name in self.env):
            raise BadConfig(f"MCP server {self.name}: a word of its command cannot be passed on")


class Stdio:
    """Reaches a server through the standard streams of a child process.

    Args:
        server: What to start.
    """

    def __init__(self, server: CommandSpec) -> None:
        self.server = server.name
        self._spec = server
        self._manners = Manners(server.max_bytes, "the server's process ended")
        self._patience = Patience(server.timeout_s, server.total_s)
        self._tasks: TaskGroup | None = None
        self._starting = anyio.Lock()
        self._child: _Child | None = None
        self._deaths = _Deaths()

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Let children live while the block runs; see `Transport.open`."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                if self._child is not None:
                    self._child.end()

    async def request(
        self,
        request: Request,
        headers: Mapping[str, str],
        *,
        hear: Hear | None = None,
        patience: Patience | None = None,
    ) -> JsonObject:
        """Send one request; return the result object of its response; see `Transport.request`."""
        patience = patience or self._patience
        channel = await self.channel(request, patience)
        return await channel.request(request, hear=hear, patience=patience)

    @asynccontextmanager
    async def listen(
        self,
        request: Request,
        headers: Mapping[str, str],
    ) -> AsyncGenerator[AsyncIterator[Notification]]:
        """Hold a subscription open; see `Transport.listen`."""
        channel = await self.channel(request, self._patience)
        async with channel.listen(request) as news:
            yield news

    def leave(self, state: str) -> None:
        """Nothing is under way between the rounds of a call; see `Transport.leave`."""

    async def channel(self, request: Request, patience: Patience) -> Channel:
        """The channel to a child that lives, which may have to be started for it.

        Raises:
            LocalError: The transport is not open.
            TransportError: It cannot be started, or not yet.
        """
        child = self._child
        if child is not None and child.channel.is_open:
            return child.channel
        async with turn(self._starting, request, patience, server=self.server):
            child = self._child
            if child is None or not child.channel.is_open:
                child = await self._start(request, patience)
            return child.channel

    async def _start(self, request: Request, patience: Patience) -> _Child:
        pause_s = self._deaths.pause_s(anyio.current_time())
        if pause_s > patience.silence_s:
            rule = "its process keeps ending; it is not started again yet"
            raise self._error(request, rule)
        await anyio.sleep(pause_s)
        tasks, spec = self._tasks, self._spec
        if tasks is None:
            raise self._closed()
        try:
            env = children.environment(spec.env)
            process = await children.start(spec.command, spec.args, env=env, cwd=spec.cwd)
        except children.CannotStart as error:
            self._deaths.count(0.0, anyio.current_time())
            raise self._error(request, error.rule) from error
        child = _Child(Channel(self.server, children.wire_of(process), self._manners), process)
        _log.info("mcp.child_started", server=self.server, pid=process.pid)
        if self._tasks is not tasks:  # closed meanwhile: nobody else would see the child off
            child.end()
            await child.live(self._deaths)
            raise self._closed()
        self._child = child
        tasks.start_soon(child.live, self._deaths)
        return child

    def _closed(self) -> LocalError:
        return LocalError(f"MCP server {self.server}: its transport is not open")

    def _error(self, request: Request, rule: str) -> TransportError:
        text = f"MCP server {self.server}: {request.method}: {rule}"
        return TransportError(text, delivered=False)


class _Deaths:
    """When another child may be started; the first death in a while costs no pause."""

    __slots__ = ("_last_s", "_next_s", "_pause_s")

    def __init__(self) -> None:
        self._last_s = self._pause_s = self._next_s = 0.0

    def count(self, lived_s: float, now_s: float) -> None:
        if lived_s >= STEADY_S:
            self._next_s = 0.0
        self._pause_s = self._next_s
        self._next_s = min(max(FIRST_PAUSE_S, 2 * self._next_s), MAX_PAUSE_S)
        self._last_s = now_s

    def pause_s(self, now_s: float) -> float:
        """Seconds until the next start."""
        return max(0.0, self._last_s + self._pause_s - now_s)


class _Child:
    """One child from its start to its end."""

    def __init__(self, channel: Channel, process: Process) -> None:
        self.channel = channel
        self._process = process
        self._serving = anyio.CancelScope()
        self._is_wanted = True

    def end(self) -> None:
        """Ask for an orderly end; `live` brings it about."""
        self._is_wanted = False
        self._serving.cancel()

    async def live(self, deaths: _Deaths) -> None:
        """Work until the child ends or nobody wants it; then see it off, whoever is cancelled."""
        began_s, status = anyio.current_time(), 0
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as tasks:
                if self._process.stderr is not None:
                    complaints = children.Complaints(self.channel.server)
                    tasks.start_soon(complaints.read, self._process.stderr)
                with self._serving:
                    await self.channel.run()
                if self._is_wanted:  # counted before anybody can ask for the next one
                    deaths.count(anyio.current_time() - began_s, anyio.current_time())
                status = await children.stop(self._process)
                tasks.cancel_scope.cancel()
            await self._process.aclose()
        say = _log.warning if self._is_wanted else _log.info
        event = "mcp.child_died" if self._is_wanted else "mcp.child_stopped"
        say(event, server=self.channel.server, pid=self._process.pid, status=status)
