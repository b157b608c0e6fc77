"""From a configuration to a runtime that can be served."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from interloom.agents import AgentDefinition
from interloom.apps.config import Config, LocalAgent
from interloom.apps.config_rules import is_loopback
from interloom.apps.peer_agents import PeerAgents
from interloom.apps.references import Found, imported
from interloom.apps.stores import opener, place_of
from interloom.apps.tool_servers import ToolServers
from interloom.bridges.handoff import Toolbox
from interloom.runtime.core.egress import Egress
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.outbox import Posting, Signer
from interloom.runtime.engine.retention import EVERY_S, Retention
from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.model import AgentSkill
from interloom.runtime.net.guard import Guard
from interloom.runtime.serve.auth import Authenticator, BearerTokens, Principal, Token
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.certificates import ClientCertificates
from interloom.runtime.serve.door import Door
from interloom.runtime.serve.hosts import LOOPBACK
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.wire.card import Extended
from interloom.runtime.wire.keys import SigningKey, signing_key
from interloom.runtime.wire.webhooks import HmacSigner, JwtSigner


def compose(
    config: Config, *, base_url: str, folder: Path, doors: tuple[Door, ...] = ()
) -> Runtime:
    """Put together what a configuration describes; nothing is opened yet.

    Args:
        config: A configuration that was loaded, so its references are in order.
        base_url: Where clients will reach the process.
        folder: The configuration file's folder; agents are imported from it.
        doors: Ports beside HTTP, held already.

    Raises:
        BadConfig: An agent cannot be imported, or is none; a tool server cannot be reached as
            described.
    """
    tools, peers = ToolServers(config.tool_servers(), folder=folder), PeerAgents(config.agents)
    agents = [
        _agent(name, block, tools, peers, folder) for name, block in config.local_agents().items()
    ]
    settings = Settings(
        base_url=base_url,
        names=_names(config),
        doors=doors,
        authenticator=_authenticator(config),
        signing_key=_signing_key("server", config.server.signing_key, folder),
        grace_s=config.server.grace,
        max_runs=config.server.max_runs,
        limits=BodyLimits(max_bytes=config.server.max_body_bytes),
        push=_posting(config, base_url, folder),
        retention=_retention(config),
        around=partial(_around, tools, peers),
    )
    peers.neighbours.host = runtime = Runtime(agents, opener(place_of(config)), settings)
    return runtime


@asynccontextmanager
async def _around(tools: ToolServers, peers: PeerAgents, ledger: Ledger) -> AsyncGenerator[None]:
    """Let tool servers and other agents be used while the block runs."""
    async with tools.open(ledger), peers.open():
        yield


def _posting(config: Config, base_url: str, folder: Path) -> Posting | None:
    """How events are posted; None for not at all."""
    block = config.push
    if not block.enabled:
        return None
    signers: list[Signer] = []
    if block.secret is not None:
        signers.append(HmacSigner.of(block.secret))
    key = _signing_key("push", block.signing_key, folder)
    if key is not None:
        signers.append(JwtSigner(key, base_url))
    return Posting(
        Guard(Egress.of(block.allow)),
        signers=tuple(signers),
        max_configs=block.max_configs,
        max_attempts=block.attempts,
        timeout_s=block.timeout,
    )


def _retention(config: Config) -> Retention | None:
    finished_s = config.retention.finished
    if finished_s is None:
        return None
    return Retention(finished_s, every_s=min(EVERY_S, finished_s))


def _signing_key(block: str, name: str | None, folder: Path) -> SigningKey | None:
    if name is None:
        return None
    path = folder / name
    try:
        return signing_key(path.read_bytes())
    except OSError as error:
        raise BadConfig(f"{block}.signingKey: {path}: {error.strerror}") from None
    except BadConfig as problem:
        raise BadConfig(f"{block}.signingKey: {path}: {problem}") from None


def _authenticator(config: Config) -> Authenticator | None:
    """Who may call; None for everybody."""
    tokens = [
        Token(Principal(name, frozenset(entry.tenants)), secret)
        for name, entry in config.server.tokens.items()
        for secret in (entry.secret, entry.previous)
        if secret is not None
    ]
    if tokens:
        return BearerTokens(*tokens)
    tls = config.server.tls
    return None if tls is None or tls.client_ca is None else ClientCertificates()


def _names(config: Config) -> frozenset[str] | None:
    """What clients may call us beside the base URL's host; None when its host is a guess."""
    if is_loopback(config.server.host):
        return LOOPBACK
    return None if config.server.url is None else frozenset()


def _agent(
    name: str, block: LocalAgent, tools: ToolServers, peers: PeerAgents, folder: Path
) -> Agent:
    definition = _definition(name, block.use, folder)
    wanted, called = block.tools or definition.tools, block.peers or definition.peers
    for each in wanted:
        if each not in tools.by_name:
            raise BadConfig(f"agents.{name}: uses tool server {each!r}, which mcpServers lacks")
    for each in called:
        if each not in peers:
            raise BadConfig(f"agents.{name}: calls the agent {each!r}, which agents lacks")
    about = replace(
        definition.about,
        name=name,
        description=block.description or definition.about.description,
        extended=_extended(block) or definition.about.extended,
    )
    toolbox = Toolbox({each: tools.by_name[each] for each in wanted})
    return replace(definition, about=about).bind(toolbox, peers.of(called))


def _extended(block: LocalAgent) -> Extended | None:
    if block.extended is None:
        return None
    skills = (AgentSkill.model_validate(each.model_dump()) for each in block.extended.skills)
    return Extended(block.extended.description, tuple(skills))


def _definition(name: str, reference: str, folder: Path) -> AgentDefinition:
    where = f"agents.{name}.use"
    found = imported(reference, folder, where=where)
    if not isinstance(found.value, AgentDefinition):
        raise BadConfig(f"{where}: {reference} {_not_an_agent(found)}")
    return found.value


def _not_an_agent(found: Found) -> str:
    """Why an attribute cannot be served, and what could have been meant."""
    if found.value is not None:
        return f"is {type(found.value).__name__}, not a function under @agent(...)"
    return "is not there" + found.suggestion(_is_agent, cutoff=0.0)


def _is_agent(value: object) -> bool:
    return isinstance(value, AgentDefinition)
