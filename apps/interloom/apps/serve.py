"""Serve what a configuration describes, until told to end."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from interloom.apps.compose import compose
from interloom.apps.config import Config
from interloom.runtime.errors import InterloomError
from interloom.runtime.serve.door import Door
from interloom.runtime.serve.server import calm_collector, listen
from interloom.runtime.serve.server import server as http_server
from interloom.runtime.serve.tls import Tls, TlsFiles
from interloom.runtime.telemetry import log


def serve(config: Config, *, folder: Path, log_level: str = "info") -> None:
    """Serve until SIGINT or SIGTERM; then let running agents end, within their grace time.

    Raises:
        BadConfig: The address is taken, the store is in use, an agent cannot be imported.
        InterloomError: The server did not come up for a reason of its own, which is logged.
    """
    log.configure(log_level)
    listener = listen(config.server.host, config.server.port)
    port = listener.getsockname()[1]
    tls = _tls(config, folder)
    scheme = "http" if tls is None else "https"
    base_url = config.server.url or f"{scheme}://{_url_host(config.server.host)}:{port}"
    with _doors(config, base_url, folder) as doors:
        runtime = compose(config, base_url=base_url.rstrip("/"), folder=folder, doors=doors)
        app = runtime.app()
        server = http_server(app, runtime.limits, tls=None if tls is None else Tls(tls))
        calm_collector()
        try:
            server.run(sockets=[listener])
        except SystemExit:  # uvicorn's: its exit code would mean something else to our callers
            if server.started:
                raise
            if app.problem is not None:
                raise app.problem from None
            raise InterloomError("the server could not start; its log says why") from None


def _tls(config: Config, folder: Path) -> TlsFiles | None:
    told = config.server.tls
    if told is None:
        return None
    authority = None if told.client_ca is None else folder / told.client_ca
    return TlsFiles(folder / told.cert, folder / told.key, authority)


@contextmanager
def _doors(config: Config, base_url: str, folder: Path) -> Generator[tuple[Door, ...]]:
    """The ports beside HTTP that a configuration asks for, held until the block is left."""
    told = config.server
    if told.grpc_port is None:
        yield ()
        return
    # Imported here so that a process without it never loads grpc and protobuf.
    from interloom.runtime.serve.grpc_port import (  # noqa: PLC0415
        GrpcPort,
        GrpcSettings,
        grpc_credentials,
    )

    tls = _tls(config, folder)
    settings = GrpcSettings(
        address=told.grpc_address or "",
        name=urlsplit(base_url).hostname or "",
        max_bytes=told.max_body_bytes,
        credentials=None if tls is None else lambda: grpc_credentials(tls),
    )
    port = GrpcPort(told.host, told.grpc_port, settings)
    try:
        yield (port,)
    finally:
        port.close()


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
