"""The agent card: what an agent says of itself.

Source: A2A 1.0.1 sections 4.4, 4.5 (security), 8.2 (well-known path) and 8.3 (interfaces, the
preferred one first).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, unique
from typing import Final

from interloom.runtime.model import (
    AgentCapabilities,
    AgentCard,
    AgentExtension,
    AgentInterface,
    AgentSkill,
    SecurityRequirement,
    SecurityScheme,
)
from interloom.runtime.wire.media import JSON, TEXT, Modes
from interloom.runtime.wire.methods import Capability
from interloom.runtime.wire.streams import EXTENSION
from interloom.runtime.wire.versions import SERVED

WELL_KNOWN: Final = "/.well-known/agent-card.json"
NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Regular expression of an agent's name: it stands in a URL as it is."""


@unique
class Binding(Enum):
    """A way of speaking A2A; the value is its name on a card (4.4.6)."""

    JSONRPC = "JSONRPC"
    HTTP_JSON = "HTTP+JSON"
    GRPC = "GRPC"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A place where an agent is served.

    Attributes:
        binding: What is spoken there.
        url: Absolute; for gRPC `host:port`, as a2a.proto has it.
        tenant: What requests sent there name as their tenant; empty for nothing.
    """

    binding: Binding
    url: str
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Security:
    """How callers prove who they are, as a card says it (4.5).

    Attributes:
        schemes: By the name the requirements call them.
        requirements: Any one of these will do (OpenAPI 3.2, Security Requirement Object).
    """

    schemes: Mapping[str, SecurityScheme]
    requirements: tuple[SecurityRequirement, ...]


OPEN: Final = Security({}, ())
"""Nobody has to prove anything."""


@dataclass(frozen=True, slots=True)
class Extended:
    """What an extended card says beside the public one (3.1.11, 13.3); no secret of the house.

    Attributes:
        description: In place of the public one; empty for the same.
        skills: Beside the public ones.
    """

    description: str = ""
    skills: tuple[AgentSkill, ...] = ()


@dataclass(frozen=True, slots=True)
class About:
    """What an author says of an agent; the rest of its card follows from how it is served.

    Attributes:
        name: Unique in its process; part of its URL, so of the form of `NAME`: letters, digits,
            `.`, `_` and `-`. Whoever takes names from outside holds them against it.
        description: For people and for other agents.
        version: The agent's own version.
        skills: What it can do; one skill of the agent's own name when there are none.
        input_modes: Media types it takes; a skill may list more.
        output_modes: Media types it gives.
        tags: Of the skill it gets when it names none.
        capabilities: Optional operations it offers.
        extensions: Protocol extensions it speaks, or demands.
        extended: What only callers who have signed in are told; None for nothing.
        offers_resuming: Its card lists our extension for streams, where it has any.
    """

    name: str
    description: str
    version: str = "0.1.0"
    skills: tuple[AgentSkill, ...] = ()
    input_modes: tuple[str, ...] = (TEXT, JSON)
    output_modes: tuple[str, ...] = (TEXT, JSON)
    tags: tuple[str, ...] = ("agent",)
    capabilities: frozenset[Capability] = frozenset({Capability.STREAMING, Capability.PUSH})
    extensions: tuple[AgentExtension, ...] = ()
    extended: Extended | None = None
    offers_resuming: bool = True

    @property
    def offered(self) -> frozenset[Capability]:
        """The capabilities its card promises."""
        more = () if self.extended is None else (Capability.EXTENDED_CARD,)
        return self.capabilities.union(more)


def modes(about: About, *more: str) -> Modes:
    """The media types an agent takes, those of its skills and `more` included.

    Raises:
        BadConfig: One of them is no media type.
    """
    every = (*about.skills, *(about.extended.skills if about.extended else ()))
    of_skills = [mode for skill in every for mode in skill.input_modes]
    return Modes((*about.input_modes, *of_skills, *more))


def extensions(about: About) -> tuple[AgentExtension, ...]:
    """The protocol extensions an agent offers: its own, and ours for streams where it has any."""
    offers = about.offers_resuming and Capability.STREAMING in about.capabilities
    return (*about.extensions, EXTENSION) if offers else about.extensions


def given_modes(about: About) -> Modes:
    """The media types an agent gives, those of its skills included.

    Raises:
        BadConfig: One of them is no media type.
    """
    of_skills = [mode for skill in about.skills for mode in skill.output_modes]
    return Modes((*about.output_modes, *of_skills))


def card(about: About, *, endpoints: Sequence[Endpoint], security: Security = OPEN) -> AgentCard:
    """Assemble the card of an agent.

    Args:
        about: What its author says.
        endpoints: Where it is served, the one preferred first (8.3.1); at least one.
        security: How callers prove who they are.
    """
    return AgentCard(
        name=about.name,
        description=about.description,
        version=about.version,
        supported_interfaces=tuple(
            AgentInterface(
                url=each.url,
                protocol_binding=each.binding.value,
                tenant=each.tenant,
                protocol_version=SERVED,
            )
            for each in endpoints
        ),
        capabilities=AgentCapabilities(
            streaming=Capability.STREAMING in about.offered,
            push_notifications=Capability.PUSH in about.offered,
            extended_agent_card=Capability.EXTENDED_CARD in about.offered,
            extensions=extensions(about),
        ),
        security_schemes=security.schemes,
        security_requirements=security.requirements,
        default_input_modes=about.input_modes,
        default_output_modes=about.output_modes,
        skills=_skills(about),
    )


def extended_card(about: About, *, endpoints: Sequence[Endpoint], security: Security) -> AgentCard:
    """Assemble the card for callers who have signed in (3.1.11).

    Args:
        about: What its author says, `extended` included.
        endpoints: As for `card`.
        security: As for `card`.
    """
    more = about.extended or Extended()
    description = more.description or about.description
    told = replace(about, description=description, skills=(*_skills(about), *more.skills))
    return card(told, endpoints=endpoints, security=security)


def _skills(about: About) -> tuple[AgentSkill, ...]:
    own = AgentSkill(id=about.name, name=about.name, description=about.description, tags=about.tags)
    return about.skills or (own,)
