"""From `--url` and an agent's name to a client for it."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final
from urllib.parse import quote, urlsplit

import orjson

from interloom.apps.bindings import bindings
from interloom.apps.terminal import ExitCode, Failure
from interloom.runtime.client import (
    A2AClient,
    BadStatus,
    ClientOptions,
    for_origin,
    resolve,
)
from interloom.runtime.client.addresses import grpc_address, shown
from interloom.runtime.client.options import Credentials
from interloom.runtime.errors import InterloomError
from interloom.runtime.model import AgentCard
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.net.port import Limits
from interloom.runtime.wire.catalogue import PATH as CATALOGUE

DEFAULT_URL = "http://127.0.0.1:8080"
"""Where `interloom run` listens unless told otherwise."""
TOKEN = "INTERLOOM_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable that holds the caller's bearer token."""

_NOT_FOUND = 404
_CATALOGUE_LIMITS: Final = Limits(connect_s=5, total_s=5, idle_s=5, max_bytes=256 * 1024)
_MAX_NAMES, _MAX_NAME = 20, 64
"""Of the agents a server says it has, so many are told, in so many characters each."""


@dataclass(frozen=True, slots=True)
class Address:
    """An agent at a server.

    Attributes:
        url: Base URL of the server.
        agent: The name the agent is served under.
        binding: The binding to speak; empty for the first of its card that can be reached.
    """

    url: str
    agent: str
    binding: str = ""

    @property
    def agent_url(self) -> str:
        """Where the agent's card is found."""
        return f"{self.url.rstrip('/')}/a2a/{quote(self.agent, safe='')}"

    @property
    def options(self) -> tuple[str, ...]:
        """The options of `interloom tasks` that lead here."""
        at = () if self.url == DEFAULT_URL else ("--url", self.url)
        by = ("--binding", self.binding) if self.binding else ()
        return ("--agent", self.agent, *at, *by)

    def command(self, verb: str, task_id: str) -> str:
        """A command of `interloom tasks` about one task, ready to be pasted."""
        return shlex.join(["interloom", "tasks", verb, *self.options, task_id])


@asynccontextmanager
async def connected(address: Address) -> AsyncGenerator[A2AClient]:
    """A client whose card is fetched; its connections close with the context.

    Raises:
        Failure: The server knows no such agent.
        InterloomError: As for `interloom.runtime.client.resolve`.
    """
    port, options = PooledHttp(), _options(address)
    async with AsyncExitStack() as held:
        held.push_async_callback(port.aclose)
        card = await _card(address, port, options)
        _check_offered(address, card)
        yield A2AClient(card, port, options=options, opens=bindings(port, held))


def _options(address: Address) -> ClientOptions:
    """The token of the environment goes to the server that was named and to no other."""
    options = ClientOptions(bindings=(address.binding,) if address.binding else ())
    token = os.environ.get(TOKEN)
    if not token:
        return options
    return replace(options, credentials=for_server(address.url, f"Bearer {token}"))


def for_server(url: str, proof: str) -> Credentials:
    """Credentials for the origin of an address, and for gRPC on the same host.

    A gRPC interface is `host:port`, on a port of its own, and so never of that origin. TLS is
    spoken to it unless the host is this machine, so what it is sent nobody else reads.
    """
    fields = {"authorization": proof}
    at_origin, named = for_origin(url, fields), urlsplit(url).hostname

    async def given(asked: str) -> Mapping[str, str]:
        place = None if "://" in asked else grpc_address(asked)
        if place is not None and place.authority.rpartition(":")[0].strip("[]").lower() == named:
            return fields
        return await at_origin(asked)

    return given


def _check_offered(address: Address, card: AgentCard) -> None:
    """See that the binding that was asked for is on the card.

    Raises:
        Failure: It is not: the command line is to be changed, nothing is broken.
    """
    offered = sorted({each.protocol_binding for each in card.supported_interfaces})
    if address.binding and address.binding not in offered:
        raise Failure(
            ExitCode.USAGE,
            "BINDING_NOT_OFFERED",
            f"agent {address.agent!r} offers no {address.binding}",
            hint=f"it offers {', '.join(map(shown, offered)) or 'none'}",
        )


async def _card(address: Address, port: PooledHttp, options: ClientOptions) -> AgentCard:
    try:
        return await resolve(address.agent_url, port, options)
    except BadStatus as answer:
        if answer.status != _NOT_FOUND:
            raise
    names = await _names(address, port)
    raise Failure(
        ExitCode.UNREACHABLE,
        "AGENT_NOT_FOUND",
        f"no agent {address.agent!r} at {address.url}",
        hint=_meant(address.agent, names) if names else "check the name and --url",
    )


async def _names(address: Address, port: PooledHttp) -> list[str]:
    """The agents a server says it has (RFC 9727); none when it says nothing of the kind."""
    url = f"{address.url.rstrip('/')}{CATALOGUE}"
    try:
        async with port.send("GET", url, headers={}, limits=_CATALOGUE_LIMITS) as reply:
            told = orjson.loads(await reply.read())
        items = told["linkset"][0]["item"]
        return [shown(each["title"], _MAX_NAME) for each in items[:_MAX_NAMES]]
    except (InterloomError, ValueError, LookupError, TypeError):
        return []


def _meant(agent: str, names: Sequence[str]) -> str:
    close = get_close_matches(agent, names, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}it has {', '.join(names)}"
