"""What a process publishes of its agents: cards, extended cards, the catalogue, OpenAPI documents.

Source: A2A 1.0.1 sections 3.1.11 and 13.3 (extended cards), 8.2 (where cards are) and 8.3 (what
they say of interfaces); RFC 9727 (the catalogue).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import orjson

from interloom.runtime.errors import BadConfig
from interloom.runtime.model import AgentCard
from interloom.runtime.serve.door import Door
from interloom.runtime.serve.pages import Page, page
from interloom.runtime.values import JsonObject
from interloom.runtime.wire import catalogue, openapi
from interloom.runtime.wire.card import (
    OPEN,
    WELL_KNOWN,
    About,
    Binding,
    Endpoint,
    Security,
    card,
    extended_card,
)

PREFIX: Final = "/a2a/"
JWKS: Final = "/.well-known/jwks.json"
"""Where the keys are; the path is a convention, which A2A's own documents follow."""
OPENAPI: Final = "/openapi.json"
"""Where an agent's HTTP+JSON binding is described, below the agent's URL."""

Signer: TypeAlias = Callable[[AgentCard], AgentCard]
"""Adds a signature to a card (8.4)."""


def agent_path(name: str) -> str:
    """Where an agent is served below the base URL."""
    return f"{PREFIX}{name}"


def endpoints(url: str) -> tuple[Endpoint, ...]:
    """Where an agent is served, given its URL: what is preferred comes first (8.3.1)."""
    return Endpoint(Binding.JSONRPC, url), Endpoint(Binding.HTTP_JSON, url)


def unsigned(plain: AgentCard) -> AgentCard:
    """A card as it is."""
    return plain


@dataclass(frozen=True, slots=True)
class Site:
    """Where and how agents are served, as their cards say it.

    Attributes:
        base_url: Where clients reach the process, without a trailing slash.
        security: How callers prove who they are.
        doors: Ways in beside HTTP.
        sign: Signs the cards.
        keys: Public keys to verify with what this process signs, as JSON Web Keys.
    """

    base_url: str
    security: Security = OPEN
    doors: Sequence[Door] = ()
    sign: Signer = unsigned
    keys: Sequence[JsonObject] = ()

    def places(self, name: str) -> tuple[Endpoint, ...]:
        """Where an agent is reached."""
        own = endpoints(self.base_url + agent_path(name))
        return (*own, *(door.endpoint(name) for door in self.doors))


def pages(abouts: Mapping[str, About], site: Site, made_at: datetime) -> Mapping[str, Page]:
    """Cards, documents and catalogue, by path; the first agent's card is at the root, too.

    Args:
        abouts: What each agent says of itself, the first one being the default.
        site: Where they are served.
        made_at: The present moment.
    """
    found: dict[str, Page] = {}
    for name, about in abouts.items():
        shown = site.sign(card(about, endpoints=site.places(name), security=site.security))
        found[agent_path(name) + WELL_KNOWN] = page(shown.to_json(), made_at)
        described = openapi.document(about, site.base_url + agent_path(name), site.security)
        body = orjson.dumps(described)
        found[agent_path(name) + OPENAPI] = page(body, made_at, media_type=openapi.MEDIA_TYPE)
    found[WELL_KNOWN] = next(iter(found.values()))
    found[catalogue.PATH] = _catalogue(abouts, site.base_url, made_at)
    if site.keys:
        keys = orjson.dumps({"keys": list(site.keys)})
        found[JWKS] = page(keys, made_at, media_type="application/jwk-set+json")  # RFC 7517 8.5.2
    return found


def extended_cards(abouts: Mapping[str, About], site: Site) -> Mapping[str, bytes]:
    """The extended cards, by agent.

    Raises:
        BadConfig: There is one, and callers need not prove anything (13.3).
    """
    found: dict[str, bytes] = {}
    for name, about in abouts.items():
        if about.extended is None:
            continue
        if site.security is OPEN:
            raise BadConfig(f"agent {name}: an extended card is for callers who have signed in")
        places = site.places(name)
        shown = extended_card(about, endpoints=places, security=site.security)
        found[name] = site.sign(shown).to_json()
    return found


def _catalogue(abouts: Mapping[str, About], base_url: str, made_at: datetime) -> Page:
    urls = {name: base_url + agent_path(name) for name in abouts}
    items = (
        catalogue.Item(name, url, url + WELL_KNOWN, url + OPENAPI) for name, url in urls.items()
    )
    body = catalogue.linkset(base_url + catalogue.PATH, items)
    link = (b"link", b'<%b>; rel="api-catalog"' % catalogue.PATH.encode())  # RFC 9727 section 3
    return page(body, made_at, link, media_type=catalogue.MEDIA_TYPE)
