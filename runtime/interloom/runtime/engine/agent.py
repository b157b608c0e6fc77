"""What an agent is to the runtime: what it says of itself, and what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from interloom.runtime.core.record import Product
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.wire.card import About


class Body(Protocol):
    """The code of an agent.

    It may be begun again after a pause or a crash: then it is called anew with the same task, and
    what it did through the context comes back from the journal instead of happening twice.
    """

    async def __call__(self, task: TaskContext, /) -> tuple[Product, ...]:
        """Work on one task; the artifacts returned are its last, and the task is COMPLETED.

        Raises:
            AgentFailed: The task becomes FAILED with that text.
            AgentRejected: The task becomes REJECTED with that text.
            Exception: Any other: FAILED with a text that names the class of our own errors only.
        """
        ...


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent that can be served."""

    about: About
    body: Body
