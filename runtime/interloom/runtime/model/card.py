"""The agent card: who an agent is, where it listens, what it can do, on which terms.

Source: A2A 4.4. Cards come from many hands: text meant for people may be empty, and lists that a
protobuf writer drops when empty are read as empty (see `AbsentMeans`); what a client acts upon
must be there.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from interloom.runtime.model.fields import EMPTY, AbsentMeans, Flag, Many, Name, Some, Table, Text
from interloom.runtime.model.freeform import Struct
from interloom.runtime.model.security import SecurityRequirement, SecurityScheme
from interloom.runtime.model.wiremodel import WireModel

Prose: TypeAlias = Annotated[Text, AbsentMeans(str)]
"""A REQUIRED description; may be empty."""

Strings: TypeAlias = Annotated[Many[Text], AbsentMeans(tuple)]
"""A REQUIRED list of strings; may be empty."""


class AgentInterface(WireModel):
    """One address, the binding spoken there, and the protocol version."""

    url: Name
    protocol_binding: Name
    tenant: Text = ""
    protocol_version: Name


class AgentProvider(WireModel):
    """Who runs the agent."""

    url: Text
    organization: Text


class AgentExtension(WireModel):
    """A protocol extension the agent speaks."""

    uri: Text = ""
    description: Text = ""
    required: Flag = False
    params: Struct | None = None


class AgentCapabilities(WireModel):
    """The optional features of the protocol; None is "not said", which offers nothing."""

    streaming: Flag | None = None
    push_notifications: Flag | None = None
    extensions: Many[AgentExtension] = ()
    extended_agent_card: Flag | None = None


class AgentSkill(WireModel):
    """Something the agent is good at; its modes, when given, replace the card's."""

    id: Name
    name: Text
    description: Prose
    tags: Strings
    examples: Many[Text] = ()
    input_modes: Many[Text] = ()
    output_modes: Many[Text] = ()
    security_requirements: Many[SecurityRequirement] = ()


class AgentCardSignature(WireModel):
    """A detached JWS over the card in canonical form (A2A 8.4.2)."""

    protected: Name
    signature: Name
    header: Struct | None = None


class AgentCard(WireModel):
    """An agent's account of itself."""

    name: Text
    description: Prose
    supported_interfaces: Some[AgentInterface]
    provider: AgentProvider | None = None
    version: Text
    documentation_url: Text | None = None
    capabilities: AgentCapabilities
    security_schemes: Table[SecurityScheme] = EMPTY
    security_requirements: Many[SecurityRequirement] = ()
    default_input_modes: Strings
    default_output_modes: Strings
    skills: Annotated[Many[AgentSkill], AbsentMeans(tuple)]
    signatures: Many[AgentCardSignature] = ()
    icon_url: Text | None = None
