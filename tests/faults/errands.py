"""Processes of two agents, one of which calls the other, that die at a moment of our choice.

    python errands.py FOLDER

A line on stdin is `NAME before|after N`: a child serves both agents on the store of that name,
sends the one message and the one answer, and kills itself around the Nth commit of its life. Its
exit status goes to stdout: -9, or 0 when the task is over. What the called agent does is noted in
the file NAME.notes.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Final

import anyio
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

CALLER: Final = Caller("ann", "concierge")


def die() -> None:
    """Be gone: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


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


async def live(store: Path, when: str, number: int) -> None:
    """Be a process, until the task is over or the moment comes."""
    neighbours = Neighbours()
    agents = [
        concierge.bind(Toolbox({}), Peers([Peer.local(neighbours, "hotel")])),
        hotel(store.with_suffix(".notes")).bind(Toolbox({})),
    ]
    runtime = Runtime(agents, lambda: Numbered(SqliteLedger(store), when, number))
    neighbours.host = runtime
    async with runtime.open() as operations:
        task_id = await say(operations, "m1", "Lisbon")
        if task_id:
            await say(operations, "m2", "3", task_id)


def life(store: Path, when: str, number: int) -> int:
    """Have a child live; its exit status, negative when a signal ended it."""
    child = os.fork()
    if not child:
        try:
            anyio.run(live, store, when, number)
        except BaseException:  # noqa: BLE001 - else the child would go on as the parent
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: Path) -> None:
    """Fork a child for each line."""
    for line in sys.stdin:
        name, when, number = line.split()
        sys.stdout.write(f"{life(folder / f'{name}.db', when, int(number))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
