"""Which gates a run did not hold, by name: what makes it fail. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bench.limits import Limit
from bench.table import Comparison, Row


def over(
    rows: Sequence[Row], comparisons: Sequence[Comparison], limits: Sequence[Limit]
) -> list[str]:
    """The names of all gates that are OVER, those of both tables and those between rows."""
    return [
        *(f"{row.job} ({row.summary.target})" for row in rows if row.is_over),
        *(f"{each.other} beside {each.job}" for each in comparisons if each.is_over(rows)),
        *(f"{limit.promise} ({limit.store})" for limit in limits if not limit.is_held),
    ]
