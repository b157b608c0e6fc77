"""MCP 2026-07-28 as values. No I/O, clock, randomness, logging or event loop.

capabilities   what we tell a server we can do for it
asks           what a server may ask in the middle of a call, and what may be answered
rounds         a call that may ask questions, as data you can save
tasks          a call that its server finishes later, as data you can save
task_view      what a server says of a task of its own
frames         JSON-RPC envelopes out and in
headers        what of a request is mirrored into HTTP headers
tools          tools and their results, read from foreign JSON
discovery      what a server says about itself
errors         everything a server can get wrong, or refuse
"""

from __future__ import annotations
