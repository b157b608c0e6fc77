"""The agent of the comparison, on Interloom: six steps, each with an effect and a word about it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import anyio

from interloom.agents import Context, agent

STEPS: Final = 6
PAUSE_S: Final = 0.5


def note(step: int) -> None:
    """The effect of a step: a line in a file."""
    with Path(os.environ["EFFECTS"]).open("a") as effects:
        effects.write(f"step {step}\n")


@agent(name="walker", description="Takes six steps.")
async def walker(ctx: Context) -> str:
    """Take the steps."""
    for number in range(1, STEPS + 1):

        async def step(number: int = number) -> int:
            note(number)
            await anyio.sleep(PAUSE_S)
            return number

        await ctx.step(f"step-{number}", step)
        await ctx.status(f"step {number} is done")
    return "arrived"
