"""The table of what durability may cost. Never a timing."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from bench.durability import replica
from bench.limits import Limit, render_limits

BOUND_S = 30


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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


async def test_replica_carries_out_orders(tmp_path: Path) -> None:
    """Ours: the whole way, from starting a process to what it measured."""
    with anyio.fail_after(BOUND_S):
        async with replica(f"sqlite:///{tmp_path / 'tasks.db'}") as one:
            told = await one.order("send", agent="stepper", text="3")
            ids = await one.order("fill", tasks=2)
            answered = await one.order("send", agent="asker", text="blue", task=ids[0])

    assert len(told["result"]) == 3
    assert answered["result"] >= answered["sent"]
