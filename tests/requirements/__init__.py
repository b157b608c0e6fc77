"""The requirement manifest: every MUST of a protocol that binds us, and what shows that it is kept.

manifest     reads a protocol's file
a2a.toml     A2A 1.0.1
mcp.toml     MCP 2026-07-28 and its Tasks extension, for clients

A requirement is read by people first: its section, whom it binds, what it says in our words, and
the tests that would fail without it, or the reason why there is none. `test_manifest` holds both
ends: a requirement names tests that exist, and a test cites only sections the manifest knows.
"""

from __future__ import annotations
