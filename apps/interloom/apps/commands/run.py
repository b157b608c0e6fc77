"""`interloom run`: serve the agents of a configuration file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from interloom.apps.config import load, overridden
from interloom.apps.failures import told


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("interloom.yaml"))
@click.option("--host", help="Address to bind; overrides server.host.")
@click.option("--port", type=int, help="TCP port, 0 for any free one; overrides server.port.")
@click.option(
    "--grpc-port",
    type=int,
    help="TCP port for gRPC, 0 for any free one; overrides server.grpcPort.",
)
@click.option(
    "--grace",
    type=float,
    help="Seconds running agents get at SIGTERM; overrides server.grace.",
)
@click.option(
    "--store",
    metavar="URL",
    help="memory:, sqlite:///PATH or postgresql://HOST/DATABASE; overrides store.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
def run(  # noqa: PLR0913 - one parameter an option, which is click's way
    *,
    file: Path,
    host: str | None,
    port: int | None,
    grpc_port: int | None,
    grace: float | None,
    store: str | None,
    log_level: str,
) -> None:
    """Serve the agents of FILE (interloom.yaml unless given)."""
    with told():
        loaded = load(file, os.environ)
        config = overridden(
            loaded, host=host, port=port, grpc_port=grpc_port, grace=grace, store=store
        )
        # Imported here so that a mistake in the file is told before a server is loaded.
        from interloom.apps.serve import serve  # noqa: PLC0415

        serve(config, folder=file.resolve().parent, log_level=log_level)
