"""The `@agent` decorator, and what it makes of a function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, TypedDict, Unpack

from interloom.agents.context import Context
from interloom.agents.results import Finished, Result, answer, outcome
from interloom.bridges.delegation import NOBODY, Peers
from interloom.bridges.handoff import Toolbox
from interloom.runtime.core.record import Outcome
from interloom.runtime.engine.agent import Agent, Reply
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.rows import CallRow
from interloom.runtime.model import AgentSkill, Message, Part
from interloom.runtime.values import Json
from interloom.runtime.wire.card import NAME, About, Extended, modes
from interloom.runtime.wire.media import Modes

AgentFunction: TypeAlias = "Callable[[Context], Awaitable[Result | Finished]]"
"""What an author writes."""
ReplyFunction: TypeAlias = "Callable[[Message], Awaitable[Json | Part | tuple[Part, ...]]]"
"""What an author may write beside it: an answer without a task, or None."""


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    """An agent as its author wrote it; it still lacks its tools.

    Attributes:
        about: What it says of itself.
        function: What it does.
        tools: Names of the tool servers it uses.
        reply: What it answers at once, without a task; None when every message begins one.
        peers: Names of the agents it calls.
    """

    about: About
    function: AgentFunction
    tools: tuple[str, ...] = ()
    reply: ReplyFunction | None = None
    peers: tuple[str, ...] = ()

    async def __call__(self, ctx: Context) -> Result | Finished:
        """Call the author's function, as a test would."""
        return await self.function(ctx)

    def bind(self, toolbox: Toolbox, peers: Peers = NOBODY) -> Agent:
        """Give it its tools, and the agents it may call; the result can be served."""

        async def body(task: TaskContext) -> Outcome:
            return outcome(await self.function(Context(task, toolbox, peers)))

        async def abandon(calls: Iterable[CallRow], /, *, owner: str) -> None:
            stored = tuple(calls)
            try:
                await toolbox.abandon(stored, owner=owner)
            finally:  # what breaks there is nothing to the other agents
                await peers.abandon(stored, owner=owner)

        return Agent(self.about, body, _reply(self.reply), abandon)


def _reply(function: ReplyFunction | None) -> Reply | None:
    if function is None:
        return None

    async def reply(message: Message) -> tuple[Part, ...] | None:
        return answer(await function(message))

    return reply


class Details(TypedDict, total=False):
    """What else a card may say.

    Attributes:
        skills: What it can do; one skill of its own name when there are none.
        version: Its own version.
        input_modes: Media types it takes, ranges such as `image/*` allowed; text and JSON unless
            said. A message with a part of another type is refused before the function sees it.
        output_modes: Media types it gives; text and JSON unless said.
        extended: What callers who have signed in are told beside that (A2A 3.1.11).
    """

    skills: Sequence[AgentSkill]
    version: str
    input_modes: Sequence[str]
    output_modes: Sequence[str]
    extended: Extended


def agent(
    *,
    name: str = "",
    description: str = "",
    tools: Sequence[str] = (),
    peers: Sequence[str] = (),
    reply: ReplyFunction | None = None,
    **details: Unpack[Details],
) -> Callable[[AgentFunction], AgentDefinition]:
    """Make an agent of an async function.

    Args:
        name: Unique where it is served and part of its URL; the function's name when empty.
        description: For people and for other agents; the docstring's first line when empty.
        tools: Names of the tool servers it uses; the configuration says where they are.
        peers: Names of the agents it calls; the configuration says where they are.
        reply: An async function of the message that answers it at once, with text, JSON or parts,
            so that there is no task to follow; or returns None, and a task begins. It has no
            journal: it may be called again for a message, and must do nothing that matters twice.
            To refuse a message, it raises `AgentRejected`.
        details: What else its card says; see `Details`.

    Raises:
        BadConfig: The function is not async, the name cannot stand in a URL, or a mode is no
            media type.
    """

    def make(function: AgentFunction) -> AgentDefinition:
        called = name or getattr(function, "__name__", "")
        if not inspect.iscoroutinefunction(function):
            raise BadConfig(f"agent {called}: must be an async function")
        if re.fullmatch(NAME, called) is None:
            raise BadConfig(f"agent {called!r}: a name is up to 64 letters, digits, . _ or -")
        first_line = (inspect.getdoc(function) or f"The agent {called}.").splitlines()[0]
        about = _about(called, description or first_line, details)
        return AgentDefinition(about, function, tuple(tools), reply, tuple(peers))

    return make


def _about(name: str, description: str, details: Details) -> About:
    plain = About(name, description)
    about = replace(
        plain,
        version=details.get("version", plain.version),
        skills=tuple(details.get("skills", ())),
        input_modes=tuple(details.get("input_modes", plain.input_modes)),
        output_modes=tuple(details.get("output_modes", plain.output_modes)),
        extended=details.get("extended"),
    )
    try:
        modes(about)
        Modes(about.output_modes)
    except BadConfig as error:
        raise BadConfig(f"agent {name}: {error}") from None
    return about
