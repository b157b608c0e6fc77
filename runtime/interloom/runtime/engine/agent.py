"""What an agent is to the runtime: what it says of itself, and what it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from interloom.runtime.core.record import Outcome, Product
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.ledger.rows import CallRow
from interloom.runtime.model import Message, Part
from interloom.runtime.wire.card import About


class Body(Protocol):
    """The code of an agent.

    It may be begun again after a pause or a crash: then it is called anew with the same task, and
    what it did through the context comes back from the journal instead of happening twice.
    """

    async def __call__(self, task: TaskContext, /) -> tuple[Product, ...] | Outcome:
        """Work on one task; the artifacts returned are its last, and the task is COMPLETED.

        Raises:
            AgentFailed: The task becomes FAILED with that text.
            AgentRejected: The task becomes REJECTED with that text.
            Exception: Any other: FAILED with a text that names the class of our own errors only.
        """
        ...


class Reply(Protocol):
    """What an agent answers at once, without a task (A2A 1.0.1 sections 3.1.1 and 3.7).

    It is asked before a task is begun, and has no journal: it may be asked again for a message
    whose answer was not stored, and at the same time for one that was sent twice. What must not
    happen twice, takes long or asks something is for a task.
    """

    async def __call__(self, message: Message, /) -> tuple[Part, ...] | None:
        """The answer, or None to begin a task.

        Raises:
            AgentRejected: The message is refused with that text.
        """
        ...


class Abandon(Protocol):
    """Lets go of what an agent holds elsewhere for a task that was canceled.

    While an agent's code runs, it is cancelled and lets go itself. This is for a task of which only
    rows are left: parked, or not yet begun again.
    """

    async def __call__(self, calls: Iterable[CallRow], /, *, owner: str) -> None:
        """Let go.

        Args:
            calls: The task's tool calls, as stored.
            owner: Whom the task was for.
        """
        ...


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that can be served.

    Attributes:
        about: What it says of itself.
        body: What it does.
        reply: What it answers at once; None when every message begins a task.
        abandon: Lets go of what it holds elsewhere; None when it holds nothing.
    """

    about: About
    body: Body
    reply: Reply | None = None
    abandon: Abandon | None = None
