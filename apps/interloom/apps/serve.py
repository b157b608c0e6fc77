"""Serve what a configuration describes, until told to end."""

from __future__ import annotations

from pathlib import Path

from interloom.apps.compose import compose
from interloom.apps.config import Config
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.server import calm_collector, listen
from interloom.runtime.serve.server import server as http_server
from interloom.runtime.telemetry import log


def serve(config: Config, *, folder: Path, log_level: str = "info") -> None:
    """Serve until SIGINT or SIGTERM; then let running agents end, within their grace time.

    Raises:
        BadConfig: The address is taken, the store is in use, an agent cannot be imported.
    """
    log.configure(log_level)
    listener = listen(config.server.host, config.server.port)
    port = listener.getsockname()[1]
    base_url = config.server.url or f"http://{_url_host(config.server.host)}:{port}"
    app = compose(config, base_url=base_url.rstrip("/"), folder=folder).app()
    server = http_server(app, BodyLimits(max_bytes=config.server.max_body_bytes))
    calm_collector()
    log.logger("serve").info("serve.listening", url=base_url)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        if app.problem is not None:
            raise app.problem from None
        raise


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
