"""Everything that can be started: `python -m bench.servers NAME [--port N]`.

A new target is one entry here and one name in `bench.jobs`.
"""

from __future__ import annotations

import os
import pkgutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

import click

from bench.serving import Place


@dataclass(frozen=True, slots=True)
class Server:
    """How to start one server.

    Attributes:
        builder: `module:function`, called with its Place and serving until the process ends.
            Named and not imported, so that no server carries another one's libraries.
        path: Where it takes SendMessage.
        environment: Variables that must stand before its modules are imported.
    """

    builder: str
    path: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def serve(self, place: Place) -> None:
        """Serve until the process is told to end.

        Raises:
            ImportError: Something it is made of is missing.
        """
        os.environ.update(self.environment)
        # The table names functions of this package; a wrong one fails in the first call.
        build = cast("Callable[[Place], None]", pkgutil.resolve_name(self.builder))
        build(place)


_NO_SPANS: Final = MappingProxyType({"OTEL_INSTRUMENTATION_A2A_SDK_ENABLED": "false"})

SERVERS: Final[Mapping[str, Server]] = MappingProxyType(
    {
        "asgi-echo": Server("bench.floors:echo"),
        "asgi-sqlite": Server("bench.floors:echo_stored"),
        "asgi-sse": Server("bench.floors:stream"),
        "asgi-page": Server("bench.floors:page"),
        "grpc-echo": Server("bench.floors_grpc:echo"),
        "asgi-raw-mcp": Server("bench.floors:bridge"),
        "raw-mcp-client": Server("bench.callers:raw"),
        "raw-stdio-client": Server("bench.raw_stdio:caller"),
        "canned-mcp": Server("bench.canned_mcp:serve"),
        "ours-memory": Server("bench.ours:memory"),
        "ours-sqlite": Server("bench.ours:sqlite"),
        "ours-grpc": Server("bench.ours:grpc"),
        "ours-page": Server("bench.stock:page"),
        "ours-100th": Server("bench.slope:hundredth"),
        "ours-10000th": Server("bench.slope:ten_thousandth"),
        "ours-sqlite-100th": Server("bench.slope:hundredth_on_sqlite"),
        "ours-sqlite-10000th": Server("bench.slope:ten_thousandth_on_sqlite"),
        "ours-bridge": Server("bench.ours:bridge"),
        "ours-bridge-sqlite": Server("bench.ours:bridge_sqlite"),
        "ours-mcp-client": Server("bench.ours:tools_call"),
        "ours-stdio-client": Server("bench.ours:tools_call_on_stdio"),
        "a2a-sdk-echo": Server("bench.official_a2a:echo", environment=_NO_SPANS),
        "a2a-sdk-mcp": Server("bench.official_a2a:bridge", environment=_NO_SPANS),
        "mcp-client": Server("bench.official_mcp:tools_call"),
        "mcp-stdio-client": Server("bench.official_mcp:tools_call_on_stdio"),
    }
)


@click.command()
@click.argument("name", type=click.Choice(list(SERVERS)))
@click.option("--port", default=0, help="Port on 127.0.0.1; 0 for any that is free.")
@click.option("--tools-port", default=0, help="Where canned-mcp listens, for those that call it.")
@click.option("--core", type=int, help="Bind the process to this core.")
@click.option("--tools-core", type=int, help="Core for a tool server that it starts itself.")
@click.option(
    "--scratch",
    type=click.Path(path_type=Path),
    help="Folder for files it keeps; a new one when not given.",
)
def main(
    name: str,
    port: int,
    tools_port: int,
    core: int | None,
    tools_core: int | None,
    scratch: Path | None,
) -> None:
    """Serve NAME until told to end; print `ready PORT` once it accepts connections."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    folder = scratch or Path(tempfile.mkdtemp(prefix="bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    SERVERS[name].serve(Place(port, folder, tools_port, tools_core))


if __name__ == "__main__":
    main()
