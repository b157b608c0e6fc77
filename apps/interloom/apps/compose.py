"""From a configuration to a runtime that can be served."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from interloom.agents import AgentDefinition
from interloom.apps.config import Config, HttpServer, LocalAgent
from interloom.bridges.handoff import Repeat, Toolbox, ToolServer
from interloom.bridges.mcp import McpClient, ServerSpec
from interloom.runtime.engine.agent import Agent
from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.runtime import Runtime, Settings


def compose(config: Config, *, base_url: str, folder: Path) -> Runtime:
    """Put together what a configuration describes; nothing is opened yet.

    Args:
        config: A configuration that was loaded, so its references are in order.
        base_url: Where clients will reach the process.
        folder: The configuration file's folder; agents are imported from it.

    Raises:
        BadConfig: An agent cannot be imported, or is none.
    """
    http = PooledHttp()
    servers = {
        name: ToolServer(McpClient(_spec(name, block), http), Repeat(block.retry))
        for name, block in config.http_servers().items()
    }
    agents = [_agent(name, block, servers, folder) for name, block in config.local_agents().items()]
    settings = Settings(
        base_url=base_url,
        limits=BodyLimits(max_bytes=config.server.max_body_bytes),
        on_close=http.aclose,
    )
    return Runtime(agents, _store(config.database()), settings)


def _spec(name: str, block: HttpServer) -> ServerSpec:
    return ServerSpec(name, block.url, block.headers, timeout_s=block.timeout)


def _agent(name: str, block: LocalAgent, servers: dict[str, ToolServer], folder: Path) -> Agent:
    definition = _definition(name, block.use, folder)
    wanted = block.tools or definition.tools
    missing = [each for each in wanted if each not in servers]
    if missing:
        raise BadConfig(f"agents.{name}: uses tool server {missing[0]!r}, which mcpServers lacks")
    about = replace(
        definition.about,
        name=name,
        description=block.description or definition.about.description,
    )
    toolbox = Toolbox({each: servers[each] for each in wanted})
    return replace(definition, about=about).bind(toolbox)


def _definition(name: str, reference: str, folder: Path) -> AgentDefinition:
    module_name, _, attribute = reference.partition(":")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # an author's module may raise anything
        raise BadConfig(
            f"agents.{name}.use: {module_name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, attribute, None)
    if not isinstance(found, AgentDefinition):
        raise BadConfig(f"agents.{name}.use: {reference} is not a function with @agent")
    return found


def _store(database: Path | None) -> Callable[[], Ledger]:
    return MemoryLedger if database is None else lambda: SqliteLedger(database)
