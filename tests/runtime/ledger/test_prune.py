"""How much is deleted at a time. Source: ours; others wait while a transaction deletes."""

from __future__ import annotations

import pytest

from interloom.runtime.ledger.prune import MAX_EVENTS, batch


@pytest.mark.parametrize(
    ("events", "fitting"),
    [
        ((), 0),
        ((0, 1, 2), 3),
        ((MAX_EVENTS,), 1),
        ((MAX_EVENTS - 1, 1), 2),
        ((MAX_EVENTS - 1, 2), 1),
        ((MAX_EVENTS, 0, 1), 2),
        ((MAX_EVENTS + 1, 0), 1),
        ((1, MAX_EVENTS, 1), 1),
    ],
)
def test_transaction_deletes_so_many_events_at_most_but_always_a_task(
    events: tuple[int, ...], fitting: int
) -> None:
    rows = [(f"t{n}", n, "ann", "echo", "completed", count) for n, count in enumerate(events)]
    assert [each.id for each in batch(rows)] == [f"t{n}" for n in range(fitting)]
