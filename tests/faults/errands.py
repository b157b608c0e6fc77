"""Processes of two agents, one of which calls the other, that die at a moment of our choice.

    python -m tests.faults.errands FOLDER

A child (`tests.faults.forked`) serves both agents, sends the one message and the one answer, and
dies around the Nth commit of its life: a moment is `before N` or `after N`. What the called agent
does is noted in the file NAME.notes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import orjson

from interloom.agents import AgentDefinition, Context, agent
from interloom.bridges.delegation import Peer, Peers
from interloom.bridges.handoff import Toolbox
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.operations import Operations
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import Write
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.local import Neighbours
from interloom.runtime.model import Message, Part, Role, SendMessageRequest
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.testing.forwarding import ForwardingLedger
from tests.faults.forked import die, fork_for_each_line

CALLER: Final = Caller("ann", "concierge")


class Numbered(ForwardingLedger):
    """A ledger whose process does not outlive its Nth commit."""

    def __init__(self, inner: Ledger, when: str, number: int) -> None:
        super().__init__(inner)
        self._when, self._left = when, number

    async def commit(self, *writes: Write) -> None:
        """Store them, unless the moment has come."""
        self._left -= 1
        is_last = not self._left  # told now: others commit meanwhile
        if is_last and self._when == "before":
            die()
        await self.inner.commit(*writes)
        if is_last and self._when == "after":
            die()


@agent(name="concierge", peers=["hotel"])
async def concierge(ctx: Context) -> str:
    """Has a room booked."""
    return f"Booked: {(await ctx.delegate('hotel', ctx.text)).text}"


def hotel(notes: Path) -> AgentDefinition:
    """Asks, then books."""

    async def book() -> int:
        with notes.open("a") as file:
            file.write("booked\n")
        return 4

    @agent(name="hotel")
    async def asks(ctx: Context) -> str:
        nights = await ctx.ask("How many nights?", {"type": "integer"})
        return f"room {await ctx.step('book', book)} in {ctx.text}, {nights} nights"

    return asks


async def say(operations: Operations, message_id: str, text: str, task_id: str = "") -> str:
    """Send a message; the task's id once it settles, empty when it is over."""
    parts = (Part(text=text),)
    message = Message(message_id=message_id, task_id=task_id, role=Role.USER, parts=parts)
    answer = await operations.send_message(CALLER, SendMessageRequest(message=message))
    task = orjson.loads(answer)["task"]
    is_asking = task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    return str(task["id"]) if is_asking else ""


async def live(store: Path, moment: str) -> None:
    """Be a process, until the task is over or the moment comes."""
    when, number = moment.split()
    neighbours = Neighbours()
    agents = [
        concierge.bind(Toolbox({}), Peers([Peer.local(neighbours, "hotel")])),
        hotel(store.with_suffix(".notes")).bind(Toolbox({})),
    ]
    runtime = Runtime(agents, lambda: Numbered(SqliteLedger(store), when, int(number)))
    neighbours.host = runtime
    async with runtime.open() as operations:
        task_id = await say(operations, "m1", "Lisbon")
        if task_id:
            await say(operations, "m2", "3", task_id)


if __name__ == "__main__":
    fork_for_each_line(live, Path(sys.argv[1]))
