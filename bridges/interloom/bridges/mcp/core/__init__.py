"""MCP 2026-07-28 as values. No I/O, clock, randomness, logging or event loop.

capabilities   what we tell a server we can do for it
rounds         a call that may ask questions, as data you can save
frames         JSON-RPC envelopes out and in
headers        what of a request is mirrored into HTTP headers
tools          tools and their results, read from foreign JSON
discovery      what a server says about itself
errors         everything a server can get wrong, or refuse
"""

from __future__ import annotations
