"""A process that writes to a store as fast as it can and says what it was promised.

    python -m tests.faults.store_writer FILE LANES FIRST

Each lane is a task of its own, `lane-<n>` from FIRST on, and appends to it event after event. A
line `lane seq` goes to stdout once that event is acknowledged, `open` once the store is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from interloom.runtime.ledger.rows import PutStep
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.testing.samples import creation, move, record


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def write_lane(ledger: SqliteLedger, lane: int) -> None:
    task_id = f"lane-{lane}"
    stored = await ledger.task(task_id)
    seq = 0 if stored is None else stored.record.seq
    if stored is None:
        await ledger.commit(*creation(record(task_id)))
    while True:
        seq += 1
        await ledger.commit(move(seq, task_id), PutStep(task_id, f"step-{seq}", b"x" * 500))
        say(f"{lane} {seq}")


async def main(path: Path, lanes: range) -> None:
    ledger = SqliteLedger(path)
    say("open")
    async with anyio.create_task_group() as group:
        for lane in lanes:
            group.start_soon(write_lane, ledger, lane)


if __name__ == "__main__":
    count, first = int(sys.argv[2]), int(sys.argv[3])
    anyio.run(main, Path(sys.argv[1]), range(first, first + count))
