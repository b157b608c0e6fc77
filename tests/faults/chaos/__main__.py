"""`python -m tests.faults.chaos [--short]`: one line for each engine; 1 when one is not clean."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import anyio

from tests.faults.chaos.storm import Plan, storm

FULL = Plan(tasks=300, kills=60)
SHORT = Plan(tasks=40, kills=6)


def main() -> int:
    """Let the storm go over each engine."""
    parser = argparse.ArgumentParser(description="Kills processes at random and counts the damage.")
    parser.add_argument("--short", action="store_true", help="a few kills, as in CI")
    parser.add_argument("--keep", type=Path, help="a folder for the logs, to be kept")
    told = parser.parse_args()
    plan = SHORT if told.short else FULL
    with tempfile.TemporaryDirectory() as scratch:
        folder = told.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        toll = anyio.run(storm, plan, folder)
    sys.stdout.write(f"{toll.line('sqlite')}\n")
    return 0 if toll.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
