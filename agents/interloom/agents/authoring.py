"""The `@agent` decorator, and what it makes of a function."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from interloom.agents.context import Context
from interloom.agents.results import Result, products
from interloom.bridges.handoff import Toolbox
from interloom.runtime.core.record import Product
from interloom.runtime.engine.agent import Agent
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import BadConfig
from interloom.runtime.model import AgentSkill
from interloom.runtime.wire.card import NAME, About

AgentFunction: TypeAlias = Callable[[Context], Awaitable[Result]]
"""What an author writes."""


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    """An agent as its author wrote it; it still lacks its tools.

    Attributes:
        about: What it says of itself.
        function: What it does.
        tools: Names of the tool servers it uses.
    """

    about: About
    function: AgentFunction
    tools: tuple[str, ...] = ()

    async def __call__(self, ctx: Context) -> Result:
        """Call the author's function, as a test would."""
        return await self.function(ctx)

    def bind(self, toolbox: Toolbox) -> Agent:
        """Give it its tools; the result can be served."""

        async def body(task: TaskContext) -> tuple[Product, ...]:
            return products(await self.function(Context(task, toolbox)))

        return Agent(self.about, body)


def agent(
    *,
    name: str = "",
    description: str = "",
    tools: Sequence[str] = (),
    peers: Sequence[str] = (),
    skills: Sequence[AgentSkill] = (),
    version: str = "0.1.0",
) -> Callable[[AgentFunction], AgentDefinition]:
    """Make an agent of an async function.

    Args:
        name: Unique where it is served and part of its URL; the function's name when empty.
        description: For people and for other agents; the docstring's first line when empty.
        tools: Names of the tool servers it uses; the configuration says where they are.
        peers: Names of the agents it delegates to; refused, because that is not supported yet.
        skills: What its card lists; one skill of its own name when there are none.
        version: Its own version.

    Raises:
        BadConfig: The function is not async, the name cannot stand in a URL, or there are peers.
    """

    def make(function: AgentFunction) -> AgentDefinition:
        called = name or getattr(function, "__name__", "")
        if not inspect.iscoroutinefunction(function):
            raise BadConfig(f"agent {called}: must be an async function")
        if re.fullmatch(NAME, called) is None:
            raise BadConfig(f"agent {called!r}: a name is up to 64 letters, digits, . _ or -")
        if peers:
            raise BadConfig(
                f"agent {called}: peers: delegation to other agents is not supported yet"
            )
        first_line = (inspect.getdoc(function) or f"The agent {called}.").splitlines()[0]
        about = About(called, description or first_line, version=version, skills=tuple(skills))
        return AgentDefinition(about, function, tuple(tools))

    return make
