"""Calling other agents over A2A 1.0.

client      `A2AClient`: one agent, its operations as methods
options     what a client may be told: limits, credentials, extensions, bindings
resume      a stream that goes on when it breaks
seen        PURE: what a stream has told of a task so far
calls       one request or stream: the card, the way there, the time limit
route       the interfaces of one agent, and which is used
cards       agent cards: found, kept as HTTP allows, trusted or not
policy      whose cards are trusted
verifier    cards held against the policy, and the keys it takes
documents   a private HTTP cache of small documents
freshness   PURE: how long an answer may be used again
port        `Transport`: what a binding is to the client
jsonrpc     the JSON-RPC binding
rest        the HTTP+JSON binding
grpc        the gRPC binding; loads grpc and protobuf, so nothing here imports it
v03         a client of agents that still speak A2A 0.3; nothing imports it
exchange    an HTTP exchange, as both have it
replies     PURE: an HTTP answer becomes a result or the error class it stands for
failures    PURE: an error of any binding becomes the class it stands for
choose      PURE: a card and our abilities give the interfaces to use
addresses   PURE: where a card is, and whose address it is
"""

from __future__ import annotations

from interloom.runtime.client.calls import http_bindings
from interloom.runtime.client.cards import Cards, resolve
from interloom.runtime.client.client import A2AClient
from interloom.runtime.client.failures import AuthRequired, BadStatus
from interloom.runtime.client.options import ClientOptions, Credentials, Resume, for_origin
from interloom.runtime.client.policy import Demand, Trust

__all__ = [
    "A2AClient",
    "AuthRequired",
    "BadStatus",
    "Cards",
    "ClientOptions",
    "Credentials",
    "Demand",
    "Resume",
    "Trust",
    "for_origin",
    "http_bindings",
    "resolve",
]
