"""From `--url` and an agent's name to a client for it."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import quote

from interloom.apps.bindings import bindings
from interloom.apps.terminal import ExitCode, Failure
from interloom.runtime.client import (
    A2AClient,
    BadStatus,
    ClientOptions,
    for_origin,
    resolve,
)
from interloom.runtime.model import AgentCard
from interloom.runtime.net.pooled import PooledHttp

DEFAULT_URL = "http://127.0.0.1:8080"
"""Where `interloom run` listens unless told otherwise."""
TOKEN = "INTERLOOM_TOKEN"  # noqa: S105 - the name of a variable
"""The environment variable that holds the caller's bearer token."""

_NOT_FOUND = 404


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
        yield A2AClient(card, port, options=options, opens=bindings(port, held))


def _options(address: Address) -> ClientOptions:
    """The token of the environment goes to the server that was named and to no other."""
    options = ClientOptions(bindings=(address.binding,) if address.binding else ())
    token = os.environ.get(TOKEN)
    if not token:
        return options
    sent = for_origin(address.url, {"authorization": f"Bearer {token}"})
    return replace(options, credentials=sent)


async def _card(address: Address, port: PooledHttp, options: ClientOptions) -> AgentCard:
    try:
        return await resolve(address.agent_url, port, options)
    except BadStatus as answer:
        if answer.status != _NOT_FOUND:
            raise
        raise Failure(
            ExitCode.UNREACHABLE,
            "AGENT_NOT_FOUND",
            f"no agent {address.agent!r} at {address.url}",
            hint="check the name and --url",
        ) from None
