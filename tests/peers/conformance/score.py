"""What a judge found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Score:
    """A judge's verdict.

    Attributes:
        passed: Checks that passed.
        total: Checks there are; one that was left out is one that did not pass.
        faults: What did not pass: a check's name, and what the judge says of it.
    """

    passed: int
    total: int
    faults: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def whole(self) -> bool:
        """Whether everything passed; a judge that checked nothing found nothing."""
        return 0 < self.total == self.passed


Judge: TypeAlias = Callable[[], Score]
"""Starts what it judges, judges it, and ends it."""
