"""`python -m tests.faults.chaos`: one line for each engine; exit status 1 when one is not clean.

An engine that this machine cannot run is named with the reason, and is no failure.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import anyio

from tests import postgres
from tests.faults.chaos.storm import Plan, storm

FULL = Plan(tasks=300, kills=60)
SHORT = Plan(tasks=40, kills=6, patience_s=120)


@contextmanager
def _sqlite(folder: Path) -> Generator[str]:
    yield f"sqlite:///{folder.resolve() / 'store.db'}"


def _postgres(_folder: Path) -> AbstractContextManager[str]:
    return postgres.shared().database()


ENGINES: Final[dict[str, Callable[[Path], AbstractContextManager[str]]]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
}
"""What gives the URL of an empty store, in a folder of the storm's."""


def main() -> int:
    """Let the storm go over each engine."""
    parser = argparse.ArgumentParser(description="Kills processes at random and counts the damage.")
    parser.add_argument("--short", action="store_true", help="a few kills, as in CI")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="only this one")
    parser.add_argument("--keep", type=Path, help="a folder for the logs, to be kept")
    told = parser.parse_args()
    is_clean = True
    with tempfile.TemporaryDirectory() as scratch:
        for engine in told.engine or ENGINES:
            folder = (told.keep or Path(scratch)) / engine
            is_clean &= _is_clean(engine, SHORT if told.short else FULL, folder)
    return 0 if is_clean else 1


def _is_clean(engine: str, plan: Plan, folder: Path) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with ENGINES[engine](folder) as store:
            toll = anyio.run(storm, plan, folder, store)
    except postgres.NoPostgres as reason:
        sys.stdout.write(f"CHAOS {engine}: not run: {reason}\n")
        return True
    sys.stdout.write(f"{toll.line(engine)}\n")
    sys.stdout.flush()
    return toll.is_clean


if __name__ == "__main__":
    sys.exit(main())
