"""A card says what is served, where and how, and is read by the specification's own rules."""

from __future__ import annotations

from dataclasses import replace

import orjson
from google.protobuf import json_format

from interloom.protos import a2a_pb2
from interloom.runtime.model import AgentCard, AgentExtension, AgentSkill, decode_json
from interloom.runtime.wire.card import WELL_KNOWN, About, Binding, Endpoint, card
from interloom.runtime.wire.methods import Capability
from interloom.runtime.wire.streams import EXTENSION

URL = "https://agents.example/a2a/concierge"
PLACES = (Endpoint(Binding.JSONRPC, URL),)
ABOUT = About("concierge", "Books trips.", version="2.1.0")
SKILL = AgentSkill(id="book", name="Book", description="Books.", tags=("travel",))


def test_card_of_an_agent_that_says_little_is_complete() -> None:
    """A2A 4.4.1: every REQUIRED field is there, written out."""
    assert orjson.loads(card(ABOUT, endpoints=PLACES).to_json()) == {
        "name": "concierge",
        "description": "Books trips.",
        "version": "2.1.0",
        "supportedInterfaces": [
            {"url": URL, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
        ],
        "capabilities": {
            "streaming": True,
            "pushNotifications": True,
            "extendedAgentCard": False,
            "extensions": [EXTENSION.to_dict()],
        },
        "defaultInputModes": ["text/plain", "application/json"],
        "defaultOutputModes": ["text/plain", "application/json"],
        "skills": [
            {
                "id": "concierge",
                "name": "concierge",
                "description": "Books trips.",
                "tags": ["agent"],
            }
        ],
    }


def test_places_of_an_agent_are_listed_in_the_order_given() -> None:
    """A2A 4.4.6 and 8.3.1: the order is the agent's preference; gRPC's URL is an authority."""
    places = (
        Endpoint(Binding.JSONRPC, URL),
        Endpoint(Binding.HTTP_JSON, URL, tenant="acme"),
        Endpoint(Binding.GRPC, "agents.example:443"),
    )
    made = orjson.loads(card(ABOUT, endpoints=places).to_json())

    assert made["supportedInterfaces"] == [
        {"url": URL, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": URL, "protocolBinding": "HTTP+JSON", "tenant": "acme", "protocolVersion": "1.0"},
        {"url": "agents.example:443", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
    ]


def test_skills_of_an_agent_stand_in_for_the_made_up_one() -> None:
    """A2A 4.4.5."""
    made = card(About("a", "A", skills=(SKILL,)), endpoints=PLACES)

    assert made.skills == (SKILL,)


def test_modes_of_an_agent_are_its_own() -> None:
    """A2A 4.4.1: the default modes are what it takes and gives."""
    made = card(
        About("a", "A", input_modes=("image/png",), output_modes=("text/csv",)), endpoints=PLACES
    )

    assert made.default_input_modes == ("image/png",)
    assert made.default_output_modes == ("text/csv",)


def test_card_is_read_back_as_it_was_written() -> None:
    """A2A 8.2: a client of ours reads what a server of ours serves."""
    made = card(About("a", "Ä\n", skills=(SKILL,), tags=("x",)), endpoints=PLACES)

    assert decode_json(AgentCard, made.to_json()) == made


def test_card_is_a_card_to_protobuf() -> None:
    """A2A 5.5: ProtoJSON, without a field the proto does not know."""
    text = card(ABOUT, endpoints=PLACES).to_json()

    theirs = json_format.Parse(text, a2a_pb2.AgentCard(), descriptor_pool=a2a_pb2.DESCRIPTOR.pool)
    assert theirs.supported_interfaces[0].protocol_version == "1.0"


def test_card_is_found_where_the_specification_puts_it() -> None:
    """A2A 8.2, RFC 8615."""
    assert WELL_KNOWN == "/.well-known/agent-card.json"


def test_agent_without_streams_does_not_offer_to_go_on_with_them() -> None:
    """A2A 4.6.1: what is listed is supported."""
    own = AgentExtension(uri="urn:own", description="Its own.")
    still = About("a", "A", capabilities=frozenset(), extensions=(own,))
    assert card(still, endpoints=PLACES).capabilities.extensions == (own,)
    streaming = replace(still, capabilities=frozenset({Capability.STREAMING}))
    assert card(streaming, endpoints=PLACES).capabilities.extensions == (own, EXTENSION)
    silent = replace(streaming, offers_resuming=False)
    assert card(silent, endpoints=PLACES).capabilities.extensions == (own,)
