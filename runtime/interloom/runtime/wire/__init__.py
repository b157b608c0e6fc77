"""The A2A bindings as tables and pure functions; no I/O.

methods     the method table: one row an operation, for every binding
errors      the error table: one row an error class, for every binding
payload     the body of a request: one JSON object
jsonrpc     JSON-RPC 2.0 envelopes
protobuf    A2A messages between protobuf and JSON
grpc        methods and rich status of the gRPC binding
routes      which operation an HTTP method and a path stand for
rest        HTTP+JSON messages
schemas     the messages as JSON Schema
openapi     the HTTP+JSON binding as an OpenAPI document
sse         server-sent events, both directions
card        the agent card, assembled
keys        keys that sign and verify, from PEM or JWKS
signatures  signed agent cards
webhooks    signed notifications
catalogue   which agents a host has, as a linkset
conditional whether a caller has what it asks for already
streams     the extension that numbers events, so that a stream can go on
media       media types, and which parts an agent takes
versions    A2A-Version
"""

from __future__ import annotations
