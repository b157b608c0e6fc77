"""The tool servers of a configuration, and what keeps them reachable while the process runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from inspect import iscoroutinefunction
from pathlib import Path

import anyio

from interloom.apps.config import HttpServer, StdioServer
from interloom.apps.references import imported
from interloom.bridges.handoff import (
    FunctionModel,
    OnChange,
    Pins,
    Policy,
    ToolServer,
    declared,
)
from interloom.bridges.mcp import (
    CommandSpec,
    Health,
    Known,
    Pool,
    ResultCache,
    ServerSpec,
    http_in_any_era,
    stdio_in_any_era,
    watch_kept,
)
from interloom.bridges.mcp.core.frames import Profile
from interloom.bridges.mcp.pool import Connect
from interloom.bridges.mcp.shared_cache import Identity, SharedStore
from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.telemetry.log import logger

_log = logger("mcp")


class ToolServers:
    """The clients of each server of `mcpServers` that is not disabled.

    Attributes:
        by_name: What agents are given, by the configuration's names.
    """

    def __init__(self, blocks: Mapping[str, HttpServer | StdioServer], *, folder: Path) -> None:
        """Describe the servers; nothing is connected and nothing started.

        Args:
            blocks: The configuration's blocks by name.
            folder: The configuration's folder, where code it names is looked for.

        Raises:
            BadConfig: A block says something no server can be reached with, or names code that is
                not there.
        """
        self._folder = folder
        self._http = PooledHttp()
        self._cache = ResultCache()
        shared = {name: _identity(block) for name, block in blocks.items() if _is_shared(block)}
        self._shared_store = SharedStore(shared)
        self._shared_cache = ResultCache(self._shared_store)
        self.by_name = {name: self._server(name, block) for name, block in blocks.items()}

    @asynccontextmanager
    async def open(self, ledger: Ledger | None = None) -> AsyncGenerator[None]:
        """Let the servers be used while the block runs; end what was started when it is left.

        What the block raises leaves it as it is: whoever started us reads it, and a task group of
        ours would only wrap it.

        Args:
            ledger: Where results are kept that are shared with other processes; None keeps none.
        """
        self._shared_store.shelf = None if ledger is None else ledger.shelf
        broke: Exception | None = None
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close_connections)
            for server in self.by_name.values():
                if server.pool is not None:
                    await stack.enter_async_context(server.pool.open())
            group = await stack.enter_async_context(anyio.create_task_group())
            for server in self.by_name.values():
                group.start_soon(watch_kept, server.client)
            try:
                yield
            except Exception as error:  # noqa: BLE001 - raised below, outside of the groups
                broke = error
            group.cancel_scope.cancel()
        self._tell_account()
        if broke is not None:
            raise broke

    def health(self) -> tuple[Health, ...]:
        """How each server does, in the order of the file; asks nobody."""
        return tuple(server.health() for server in self.by_name.values())

    def _tell_account(self) -> None:
        """Log what became of each server that was used."""
        for health in self.health():
            if health.answered is not None or health.problem:
                _log.info("mcp.server_account", **health.to_json())

    async def _close_connections(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._http.aclose()

    def _server(self, name: str, block: HttpServer | StdioServer) -> ToolServer:
        roots = tuple(Path(root) for root in block.roots)
        model = self._model(name, block)
        profile = Profile(capabilities=declared(roots=bool(roots), model=model is not None))
        cache = self._shared_cache if _is_shared(block) else self._cache
        pool = Pool(self._way(name, block), profile=profile, cache=cache)
        pins = Pins(block.pins, OnChange(block.on_tool_change))
        policy = Policy.of(block.retry, honours_key=block.honours_key, is_trusted=block.trusted)
        return ToolServer(pool.shared, policy, roots, model, pins, pool)

    def _model(self, name: str, block: HttpServer | StdioServer) -> FunctionModel | None:
        """The function that writes messages for a server; None where none is named."""
        if block.sampling is None:
            return None
        where = f"mcpServers.{name}.sampling"
        found = imported(block.sampling, self._folder, where=where)
        if not iscoroutinefunction(found.value):
            meant = found.suggestion(iscoroutinefunction)
            raise BadConfig(f"{where}: {block.sampling} is no async function{meant}")
        return FunctionModel(block.sampling, found.value)

    def _way(self, name: str, block: HttpServer | StdioServer) -> Connect:
        """The way to a server; every principal has the credentials of the file, until OAuth."""
        known, timeout_s = Known(), block.timeout
        match block:
            case HttpServer():
                spec = ServerSpec(name, block.url, block.headers, timeout_s=timeout_s)
                return lambda _: http_in_any_era(spec, self._http, known)
            case StdioServer():
                args, env = block.args, block.env
                command = CommandSpec(
                    name, block.command, args, env, block.cwd, timeout_s=timeout_s
                )
                return lambda _: stdio_in_any_era(command, known)


def _is_shared(block: HttpServer | StdioServer) -> bool:
    return block.cache == "shared"


def _identity(block: HttpServer | StdioServer) -> Identity:
    match block:
        case HttpServer():
            return Identity.of(["http", block.url], dict(block.headers))
        case StdioServer():
            place = ["stdio", block.command, *block.args, block.cwd]
            return Identity.of(place, dict(block.env))
