"""`python -m bench`: measure, print two tables; exit code 1 when a gate is OVER."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import anyio
import click

from bench.durability import MEASURES, measured
from bench.gates import over
from bench.jobs import COMPARISONS, JOBS
from bench.limits import Limit, render_limits
from bench.load import BadReply, Effort
from bench.machine import describe
from bench.process import Cores, DidNotStart, two_cores
from bench.rounds import Plan, run_job
from bench.table import Row, render


@click.command()
@click.option(
    "--job",
    "jobs",
    multiple=True,
    type=click.Choice([*JOBS, *MEASURES]),
    help="Only this job; repeatable.",
)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--seconds", default=0.6, show_default=True, type=click.FloatRange(min=0, min_open=True)
)
@click.option("--in-flight", default=16, show_default=True, type=click.IntRange(min=1))
def main(jobs: tuple[str, ...], rounds: int, seconds: float, in_flight: int) -> None:
    """CPU per request of each target, beside a floor from the same run."""
    if sys.platform != "linux":
        raise click.ClickException("reads other processes' CPU clocks and needs Linux for it")
    allowed, cores = os.sched_getaffinity(0), two_cores()
    if cores.generator is not None:
        os.sched_setaffinity(0, {cores.generator})
    print(describe(cores))
    print(f"{rounds} rounds of {seconds:g} s, {in_flight} in flight, medians", end="\n\n")
    effort = Effort(in_flight=in_flight, seconds=seconds)
    wanted = jobs or (*JOBS, *MEASURES)
    try:
        loads = [each for each in wanted if each in JOBS]
        rows = anyio.run(_measured, loads, rounds, effort, cores)
    except (BadReply, DidNotStart) as why:
        raise click.ClickException(str(why)) from why
    if rows:
        print(render(rows), end="\n\n")
    for verdict in filter(None, (each.verdict(rows) for each in COMPARISONS)):
        print(verdict)
    limits: list[Limit] = []
    if promises := tuple(each for each in wanted if each in MEASURES):
        os.sched_setaffinity(0, allowed)  # several processes at work: each where it finds room
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            limits = anyio.run(measured, promises, Path(scratch))
        print(render_limits(limits))
    if names := over(rows, COMPARISONS, limits):
        raise click.ClickException(f"over the gate: {', '.join(names)}")


async def _measured(jobs: Sequence[str], rounds: int, effort: Effort, cores: Cores) -> list[Row]:
    rows: list[Row] = []
    for name in jobs:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            plan = Plan(rounds, effort, cores, Path(scratch))
            rows += await run_job(name, JOBS[name], plan)
    return rows


if __name__ == "__main__":
    main()
