"""The catalogue of agents is a linkset other programs can read."""

from __future__ import annotations

import orjson

from interloom.runtime.wire.catalogue import Item, linkset


def test_each_agent_is_an_item_with_its_card_and_its_description() -> None:
    """RFC 9727 sections 2 and 4.1; RFC 9264 4.2; RFC 8631 for the relations."""
    body = linkset(
        "https://a.example/.well-known/api-catalog",
        [
            Item(
                "echo",
                "https://a.example/a2a/echo",
                "https://a.example/e.json",
                "https://a.example/o",
            ),
            Item("bare", "https://a.example/a2a/bare", "https://a.example/b.json"),
        ],
    )

    assert orjson.loads(body) == {
        "linkset": [
            {
                "anchor": "https://a.example/.well-known/api-catalog",
                "item": [
                    {"href": "https://a.example/a2a/echo", "title": "echo"},
                    {"href": "https://a.example/a2a/bare", "title": "bare"},
                ],
            },
            {
                "anchor": "https://a.example/a2a/echo",
                "service-meta": [
                    {
                        "href": "https://a.example/e.json",
                        "type": "application/json",
                        "title": "echo",
                    }
                ],
                "service-desc": [
                    {
                        "href": "https://a.example/o",
                        "type": "application/vnd.oai.openapi+json;version=3.1",
                    }
                ],
            },
            {
                "anchor": "https://a.example/a2a/bare",
                "service-meta": [
                    {
                        "href": "https://a.example/b.json",
                        "type": "application/json",
                        "title": "bare",
                    }
                ],
            },
        ]
    }
