"""MCP 2026-07-28 as values. No I/O, clock, randomness, logging or event loop.

capabilities   what we tell a server we can do for it
asks           what a server may ask in the middle of a call, and what may be answered
rounds         a call that may ask questions, as data you can save
tasks          a call that its server finishes later, as data you can save
task_view      what a server says of a task of its own
frames         JSON-RPC envelopes out and in
headers        what of a request is mirrored into HTTP headers
notices        what a server says on the way to a result: progress, its log
subscriptions  what a server tells about its changes, and to which subscription
caching        whether a result may be kept, for whom and how long
listing        a server's lists: pages put together, what was left out
tools          tools and their results, read from foreign JSON
schemas        which JSON Schemas are taken, and what is held against them
breaker        whether a server that has failed lately is tried at all
pins           what a tool's definition is remembered by
prompts        prompts and what they come to
resources      resources, their templates and contents
completion     what could be meant by what somebody is typing
discovery      what a server says about itself
errors         everything a server can get wrong, or refuse
"""

from __future__ import annotations
