"""The agent of the storm: three steps of its own and three tool calls, in turn.

A step that is begun although its row is committed is written down: that must not happen, ever.
"""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import anyio.to_thread

from interloom.agents import AgentFailed, Context, agent
from tests.faults.chaos.stores import is_committed

STORE = os.environ["CHAOS_STORE"]
NOTES = Path(os.environ["CHAOS_NOTES"])
PAUSE_S = 0.5
"""Seconds a step takes, so that a kill finds something at work."""


def _note_if_committed(task_id: str, key: str) -> None:
    if is_committed(STORE, task_id, key):
        with NOTES.open("a") as notes:
            notes.write(f"rerun {task_id} {key}\n")


@agent(name="chain", description="Does six things in turn.", tools=["tolls"])
async def chain(ctx: Context) -> str:
    """Work through the steps; the result names all of them."""
    done: list[str] = []
    for number in (1, 2, 3):
        key = f"step-{number}"

        async def work(key: str = key) -> str:
            await anyio.to_thread.run_sync(_note_if_committed, ctx.task_id, key)
            await anyio.sleep(PAUSE_S)
            return key

        done.append(str(await ctx.step(key, work)))
        await ctx.status(f"{key} is done")
        paid = await ctx.tool("tolls", "pay", {"task": ctx.text, "toll": number})
        if paid.is_error:
            raise AgentFailed(paid.text)
        done.append(f"toll-{number}")
    return " ".join(done)
