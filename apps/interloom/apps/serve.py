"""Serve what a configuration describes, until told to end."""

from __future__ import annotations

import socket
from pathlib import Path

import uvicorn

from interloom.apps.compose import compose
from interloom.apps.config import Config
from interloom.runtime.errors import BadConfig
from interloom.runtime.telemetry import log

BACKLOG = 2048
KEEP_ALIVE_S = 75


def serve(config: Config, *, folder: Path, log_level: str = "info") -> None:
    """Serve until SIGINT or SIGTERM; then let running agents end, within their grace time.

    Raises:
        BadConfig: The address is taken, the store is in use, an agent cannot be imported.
    """
    log.configure(log_level)
    listener = _listen(config.server.host, config.server.port)
    port = listener.getsockname()[1]
    base_url = config.server.url or f"http://{_url_host(config.server.host)}:{port}"
    runtime = compose(config, base_url=base_url.rstrip("/"), folder=folder)
    server = uvicorn.Server(
        uvicorn.Config(
            runtime.app(),
            http="httptools",
            loop="asyncio",
            lifespan="on",
            access_log=False,
            log_config=None,
            timeout_keep_alive=KEEP_ALIVE_S,
            server_header=False,
        )
    )
    log.logger("serve").info("serve.listening", url=base_url)
    server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        # IPPROTO_TCP spelled out: asyncio turns Nagle's algorithm off only for such sockets, and
        # with it on every answer of head and body waits 40 ms for an acknowledgement.
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        raise BadConfig(f"{host}:{port}: cannot listen: {error.strerror}") from None
    return listener


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
