"""The second table: what durability may cost, in milliseconds, megabytes, a core. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.markdown import table

_HEAD: Final = ("promise", "store", "measured", "gate", "floor of the same run", "verdict")


@dataclass(frozen=True, slots=True)
class Limit:
    """One measured promise.

    Attributes:
        promise: What is measured, with its unit.
        store: On which store.
        measured: What it came to.
        gate: What we refuse to exceed.
        floor: The same without us, in words; empty where there is none.
    """

    promise: str
    store: str
    measured: float
    gate: float
    floor: str = ""

    @property
    def is_held(self) -> bool:
        """Whether the gate holds."""
        return self.measured <= self.gate


def render_limits(limits: Sequence[Limit]) -> str:
    """The table as Markdown, columns aligned, without a newline at its end."""
    return table(_HEAD, [_cells(each) for each in limits])


def _cells(limit: Limit) -> tuple[str, ...]:
    held = "gate held" if limit.is_held else "OVER"
    measured, gate = f"{limit.measured:.4g}", f"{limit.gate:g}"
    return limit.promise, limit.store, measured, gate, limit.floor or "-", held
