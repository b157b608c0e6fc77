"""The HTTP server of a process: its socket, its settings, its garbage collector."""

from __future__ import annotations

import errno
import gc
import signal
import socket
from types import FrameType
from typing import Final

import uvicorn

from interloom.runtime.errors import BadConfig
from interloom.runtime.serve.asgi import A2AApp
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.connection import bounded
from interloom.runtime.serve.tls import Tls
from interloom.runtime.telemetry.log import logger

log = logger("serve")

BACKLOG: Final = 2048
"""Connections the system holds until they are taken."""
KEEP_ALIVE_S: Final = 75
"""Seconds an idle connection is kept; longer than clients' pools keep theirs."""
LEAVE_S: Final = 5
"""Seconds requests get to end when the process is told to; then their connections are cut."""
THRESHOLDS: Final = (20_000, 50, 50)
"""New objects before the collector looks at the young; such looks before one at the older."""


def listen(host: str, port: int) -> socket.socket:
    """Open the port.

    Raises:
        BadConfig: The address is not ours, or taken.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        family, kind, proto, _, address = found[0]
        # The protocol spelled out: asyncio turns Nagle's algorithm off only for sockets that name
        # it, and with it on an answer in two pieces waits 40 ms for an acknowledgement.
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        hint = "; --port 0 takes any free port" if error.errno == errno.EADDRINUSE else ""
        raise BadConfig(f"{host}:{port}: cannot listen: {error.strerror}{hint}") from None
    return listener


class _Server(uvicorn.Server):
    """uvicorn's server, whose streams end when it is told to, not when their tasks do."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the application, then say where it is reached."""
        await super().startup(sockets)
        app = self.config.app
        if self.started and isinstance(app, A2AApp):
            log.info("serve.listening", url=app.base_url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain the application while its port is still open, then close that."""
        app = self.config.app
        if isinstance(app, A2AApp):
            log.info("serve.draining")
            await app.drain()
        await super().shutdown(sockets)
        log.info("serve.stopped")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in good order at the first signal, at once at the second.

        uvicorn sends itself the signal again once it is done, and would so report a SIGTERM that
        was obeyed as a death. Ctrl-C still counts as one: whatever ran the program is to end, too.
        """
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
        elif sig == signal.SIGTERM:
            self.should_exit = True
        else:
            super().handle_exit(sig, frame)


def server(
    app: A2AApp, limits: BodyLimits, *, leave_s: int = LEAVE_S, tls: Tls | None = None
) -> uvicorn.Server:
    """An HTTP server for an application; `run(sockets=[...])` serves until a signal.

    Requests under way then get `leave_s` seconds: a stream of a task that waits for a person would
    otherwise keep the process from ending for days.
    """
    return _Server(
        uvicorn.Config(
            app,
            http=bounded(limits),
            loop="asyncio",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=leave_s,
            server_header=False,
            ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
            proxy_headers=False,  # whoever connects is who asks; no header may say otherwise
        )
    )


def calm_collector() -> None:
    """Call once, when everything is loaded: what is there now is there to stay.

    A request leaves behind few objects that only the collector can free, so to look for them after
    every 700 new ones, Python's default, costs more than it finds: with tens of thousands of tasks
    known, a tenth of the CPU time of a SendMessage (measured).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
