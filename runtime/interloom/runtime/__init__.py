"""The A2A runtime: tasks are stored, agents run, clients are served. Lowest floor first.

errors      every error the project raises on purpose
values      JSON, the clock, fresh ids
model       the A2A data model
core        decisions about tasks, as pure functions
wire        the bindings, as tables and pure functions
net         the door to HTTP
ledger      the system of record
telemetry   what operators see
engine      who works on a task, and what happens to it in between
serve       the A2A server
client      an A2A client
testing     worlds, clocks and agents for tests
"""

from __future__ import annotations
