"""The A2A server: HTTP in, operations done, bytes out.

body        the request body, bounded in size and time
hosts       the names a request may be addressed to
pages       what stays as it is, and is asked for again and again
cards       cards, extended cards and the catalogue
tls         TLS of a listener, from files that may be replaced
certificates  callers known by their certificates
auth        who calls
gate        what every binding asks before an operation
replies     answers, streams and refusals over HTTP
jsonrpc     the JSON-RPC binding over the method table
rest        the HTTP+JSON binding over the method table
asgi        routes, cards, and the one ASGI callable
door        what another binding's port has to be
grpc        the gRPC binding over the method table
grpc_port   its port, with health and reflection
runtime     ledger, engine and operations put together, with a beginning and an end
connection  one HTTP connection: its requests in turn and in time
arrivals    bytes to requests
exchange    one request and its answer, as ASGI and as bytes
server      the HTTP server of a process
"""

from __future__ import annotations
