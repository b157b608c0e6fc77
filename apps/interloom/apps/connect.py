"""From `--url` and an agent's name to a client for it."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

from interloom.apps.terminal import ExitCode, Failure
from interloom.runtime.client import A2AClient, BadStatus, ClientOptions, for_origin, resolve
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
    """

    url: str
    agent: str

    @property
    def agent_url(self) -> str:
        """Where the agent's card is found."""
        return f"{self.url.rstrip('/')}/a2a/{quote(self.agent, safe='')}"

    @property
    def options(self) -> tuple[str, ...]:
        """The options of `interloom tasks` that lead here."""
        at = () if self.url == DEFAULT_URL else ("--url", self.url)
        return ("--agent", self.agent, *at)

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
    port, options = PooledHttp(), _options(address.url)
    try:
        yield A2AClient(await _card(address, port, options), port, options=options)
    finally:
        await port.aclose()


def _options(url: str) -> ClientOptions:
    """The token of the environment goes to the server that was named and to no other."""
    token = os.environ.get(TOKEN)
    if not token:
        return ClientOptions()
    return ClientOptions(credentials=for_origin(url, {"authorization": f"Bearer {token}"}))


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
