"""Which agents a host has: a list for programs.

Source: RFC 9727 (`/.well-known/api-catalog`) sections 2 and 4; RFC 9264 (linksets in JSON); RFC
8631 for the relations of a service: `service-meta`, what it says of itself, and `service-desc`, how
it is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from interloom.runtime.wire.openapi import MEDIA_TYPE as OPENAPI

PATH: Final = "/.well-known/api-catalog"
MEDIA_TYPE: Final = 'application/linkset+json; profile="https://www.rfc-editor.org/info/rfc9727"'


@dataclass(frozen=True, slots=True)
class Item:
    """One agent of the catalogue.

    Attributes:
        name: Its name.
        url: Where it is served.
        card: Where its card is.
        openapi: Where its HTTP+JSON binding is described; empty where it is not.
    """

    name: str
    url: str
    card: str
    openapi: str = ""


def linkset(url: str, items: Iterable[Item]) -> bytes:
    """The catalogue.

    Args:
        url: Its own address.
        items: The agents, in the order they are served.
    """
    items = tuple(items)
    own = {"anchor": url, "item": [{"href": each.url, "title": each.name} for each in items]}
    return orjson.dumps({"linkset": [own, *map(_links, items)]})


def _links(item: Item) -> dict[str, str | list[dict[str, str]]]:
    card = {"href": item.card, "type": "application/json", "title": item.name}
    links: dict[str, str | list[dict[str, str]]] = {"anchor": item.url, "service-meta": [card]}
    if item.openapi:
        links["service-desc"] = [{"href": item.openapi, "type": OPENAPI}]
    return links
