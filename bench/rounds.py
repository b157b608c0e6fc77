"""All targets of a job up together, loaded one after the other, round after round.

Whatever the machine does meanwhile then happens to all of them, and a ratio within one round
cancels most of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench.figures import Figures, Summary, figures_of, summarise
from bench.jobs import Job
from bench.load import Effort
from bench.process import Cores, Running, started
from bench.table import Row

_Item = TypeVar("_Item")
_WARM_SHARE = 0.25
_WARM_S = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is made.

    Attributes:
        rounds: How often each target is loaded, after one shorter time to warm it.
        effort: How hard.
        cores: Who runs where.
        scratch: Folder for the stores; on the disk that is to be measured.
    """

    rounds: int
    effort: Effort
    cores: Cores
    scratch: Path


def rotated(items: Sequence[_Item], turn: int) -> list[_Item]:
    """The items in their order, another one first each turn."""
    start = turn % len(items)
    return [*items[start:], *items[:start]]


async def run_job(name: str, job: Job, plan: Plan) -> list[Row]:
    """Measure one job; its rows, the floor first.

    Raises:
        BadReply: A target answered wrongly; nothing of the job is reported.
        DidNotStart: A target did not come up.
    """
    async with AsyncExitStack() as stack:
        running = await _up(stack, job, plan)
        effort = Effort(job.in_flight or plan.effort.in_flight, plan.effort.seconds)
        warm = Effort(effort.in_flight, max(effort.seconds * _WARM_SHARE, _WARM_S))
        for target in running:
            await job.drive(target, warm)
        rounds: list[dict[str, Figures]] = []
        for turn in range(min(plan.rounds, job.rounds)):
            measured = {
                target.name: figures_of(await job.drive(target, effort))
                for target in rotated(running, turn)
            }
            rounds.append({target.name: measured[target.name] for target in running})
    summaries = summarise(rounds, floor=job.floor)
    return [_row(name, job, summary) for summary in summaries]


async def _up(stack: AsyncExitStack, job: Job, plan: Plan) -> list[Running]:
    tools_port = 0
    if job.calls_tools:
        canned = started("canned-mcp", core=plan.cores.generator, scratch=plan.scratch / "tools")
        tools_port = (await stack.enter_async_context(canned)).port
    running: list[Running] = []
    for name in job.targets:
        target = started(
            name,
            core=plan.cores.server,
            scratch=plan.scratch / name,
            tools_port=tools_port,
            tools_core=plan.cores.generator,
        )
        running.append(await stack.enter_async_context(target))
    return running


def _row(name: str, job: Job, summary: Summary) -> Row:
    if summary.target == job.floor:
        return Row(name, summary, "floor")
    if summary.target not in job.ours:
        return Row(name, summary, "")
    return Row(name, summary, job.budget.verdict(summary), job.budget.is_over(summary))
