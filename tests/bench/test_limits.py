"""The table of what durability may cost. Never a timing."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from bench.durability import replica
from bench.figures import Figures, Summary
from bench.gates import over
from bench.limits import Limit, render_limits
from bench.table import Budget, Ceiling, Comparison, Row

BOUND_S = 30


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def summary(target: str, cpu_us: float) -> Summary:
    """What a target came to."""
    return Summary(target, Figures(cpu_us, 1000.0, 1.0, 1.0), 1.0)


@pytest.mark.parametrize(("measured", "is_held"), [(5, True), (5.01, False)])
def test_gate_is_held_up_to_its_figure(measured: float, is_held: bool) -> None:
    """Ours."""
    assert Limit("a step, ms", "sqlite", measured, 5).is_held is is_held


def test_table_names_the_floor_and_the_side_a_figure_falls_on() -> None:
    """Ours."""
    limits = [
        Limit("a step, ms", "sqlite", 0.812345, 1, "bare commit 0.30 ms"),
        Limit("failover, s", "postgres", 8, 7),
    ]
    assert render_limits(limits).splitlines() == [
        "| promise     | store    | measured | gate | floor of the same run | verdict   |",
        "|-------------|----------|----------|------|-----------------------|-----------|",
        "| a step, ms  | sqlite   | 0.8123   | 1    | bare commit 0.30 ms   | gate held |",
        "| failover, s | postgres | 8        | 7    | -                     | OVER      |",
    ]


def test_every_gate_that_is_over_is_named() -> None:
    """Ours: those of both tables, and the one between two rows; what has no gate is not."""
    rows = [
        Row("few", summary("floor", 9000), "floor"),
        Row("few", summary("a-peer", 9000), ""),
        Row("few", summary("ours", 100), "OVER", is_over=True),
        Row("many", summary("ours", 131), "gate held"),
    ]
    comparisons = [Comparison("ours", "few", "many", gate=1.3)]
    limits = [Limit("a step, ms", "sqlite", 0.8, 1), Limit("failover, s", "postgres", 8, 7)]

    named = ["few (ours)", "many beside few", "failover, s (postgres)"]
    assert over(rows, comparisons, limits) == named
    assert over(rows[:2] + rows[3:], comparisons, limits[:1]) == []


def test_gate_of_a_row_is_over_where_its_verdict_says_so() -> None:
    """Ours."""
    for budget in (Budget(aim=1.5, gate=2), Ceiling(gate_ms=5)):
        for times, cpu_us in ((2.0, 5000.0), (2.01, 5001.0)):
            found = Summary("ours", Figures(cpu_us, 1.0, 1.0, 1.0), times)
            assert budget.is_over(found) is budget.verdict(found).endswith("OVER")


async def test_replica_carries_out_orders(tmp_path: Path) -> None:
    """Ours: the whole way, from starting a process to what it measured."""
    with anyio.fail_after(BOUND_S):
        async with replica(f"sqlite:///{tmp_path / 'tasks.db'}") as one:
            told = await one.order("send", agent="stepper", text="3")
            ids = await one.order("fill", tasks=2)
            answered = await one.order("send", agent="asker", text="blue", task=ids[0])

    assert len(told["result"]) == 3
    assert answered["result"] >= answered["sent"]
