"""The A2A server: HTTP in, operations done, bytes out.

body        the request body, bounded in size and time
jsonrpc     the JSON-RPC binding over the method table
asgi        routes, cards, and the one ASGI callable
runtime     ledger, engine and operations put together, with a beginning and an end
"""

from __future__ import annotations
