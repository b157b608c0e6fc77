"""Broken words on repeating tool calls, and all that is said about each."""

from __future__ import annotations

from tests.apps.broken_configs import AGENT, Broken

BROKEN_REPEATS = [
    Broken(
        "repeats of tools",
        f"{AGENT}mcpServers:\n"
        "  f: {url: 'https://f.example', retry: {book: maybe}}\n"
        "  g: {url: 'https://g.example', retry: [always]}\n"
        "  h: {url: 'https://h.example', honoursKey: book}\n"
        "  i: {url: 'https://i.example', trusted: partly}\n",
        (
            "4: mcpServers.f.retry.book: must be 'ask', 'never' or 'always'",
            "5: mcpServers.g.retry: must be a mapping of keys to values",
            "6: mcpServers.h.honoursKey: must be a list",
            "7: mcpServers.i.trusted: must be true or false",
        ),
    ),
]
