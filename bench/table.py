"""The printed table: one line per target, columns aligned, valid Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.figures import Summary
from bench.markdown import table

_HEAD: Final = (
    "job",
    "target",
    "CPU us/request",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "x floor",
    "budget",
)
_NUMBERS: Final = range(2, 7)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many times the floor's CPU ours may cost.

    Attributes:
        aim: What we want.
        gate: What we refuse to exceed.
    """

    aim: float
    gate: float

    def __str__(self) -> str:
        return f"aim {self.aim:g}x, gate {self.gate:g}x"

    def verdict(self, summary: Summary) -> str:
        """The budget and where a target falls in it."""
        if summary.times_floor <= self.aim:
            return f"{self}: aim met"
        return f"{self}: {'OVER' if self.is_over(summary) else 'gate held'}"

    def is_over(self, summary: Summary) -> bool:
        """Whether the gate does not hold."""
        return summary.times_floor > self.gate


@dataclass(frozen=True, slots=True)
class Ceiling:
    """How much CPU a request may take, whatever the floor takes.

    Attributes:
        gate_ms: What we refuse to exceed.
    """

    gate_ms: float

    def verdict(self, summary: Summary) -> str:
        """The ceiling and the side a target falls on."""
        return f"gate {self.gate_ms:g} ms: {'OVER' if self.is_over(summary) else 'gate held'}"

    def is_over(self, summary: Summary) -> bool:
        """Whether the gate does not hold."""
        return summary.figures.cpu_us > self.gate_ms * 1000


@dataclass(frozen=True, slots=True)
class Comparison:
    """A row that must not be much dearer than another.

    Attributes:
        target: Of both rows.
        job: Of the other.
        other: Of the row that is held against it.
        gate: How many times its CPU this row's may be; to be cheaper is no fault.
    """

    target: str
    job: str
    other: str
    gate: float

    def verdict(self, rows: Sequence[Row]) -> str | None:
        """What the two come to; None when one of them was not measured."""
        times = self._times(rows)
        if times is None:
            return None
        held = "OVER" if times > self.gate else "gate held"
        costs = f"{self.other} costs {times:.2f}x {self.job}"
        return f"{self.target}: {costs}, gate {self.gate:g}x: {held}"

    def is_over(self, rows: Sequence[Row]) -> bool:
        """Whether both were measured, and the gate does not hold."""
        times = self._times(rows)
        return times is not None and times > self.gate

    def _times(self, rows: Sequence[Row]) -> float | None:
        cpu_us = {
            row.job: row.summary.figures.cpu_us for row in rows if row.summary.target == self.target
        }
        if not {self.job, self.other} <= set(cpu_us):
            return None
        return cpu_us[self.other] / cpu_us[self.job]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        job: Name of the job.
        summary: What was measured.
        remark: What the last column says: `floor`, `peer`, or a verdict.
        is_over: Whether it is ours and its gate does not hold.
    """

    job: str
    summary: Summary
    remark: str
    is_over: bool = False


def render(rows: Sequence[Row]) -> str:
    """The table as text, without a newline at its end; words to the left, numbers to the right."""
    return table(_HEAD, [_cells(row) for row in rows], numbers=_NUMBERS)


def _cells(row: Row) -> tuple[str, ...]:
    figures = row.summary.figures
    return (
        row.job,
        row.summary.target,
        f"{figures.cpu_us:,.0f}",
        f"{figures.per_second:,.0f}",
        f"{figures.p50_ms:.1f}",
        f"{figures.p99_ms:.1f}",
        f"{row.summary.times_floor:.2f}",
        row.remark,
    )
