"""Have outside judges judge us: `python -m tests.peers.conformance [JUDGE …]`, all by default.

Prints `SCORE <judge>: <passed>/<total>` for each, after what did not pass, and exits with 1 when
one of them found anything less than everything in order.
"""

from __future__ import annotations

import argparse
import sys
import traceback

from tests.peers.conformance.judges import JUDGES
from tests.peers.conformance.score import Judge, Score


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.peers.conformance")
    options.add_argument("judges", nargs="*", metavar="JUDGE", help=f"of {', '.join(JUDGES)}")
    wanted = options.parse_args().judges or list(JUDGES)
    unknown = [name for name in wanted if name not in JUDGES]
    if unknown:
        options.error(f"no judge {unknown[0]!r}; there are {', '.join(JUDGES)}")
    found = [report(name, JUDGES[name]) for name in wanted]
    return 0 if all(found) else 1


def report(name: str, judge: Judge) -> bool:
    """Ask one judge and print what it says; True when everything passed."""
    try:
        score = judge()
    except Exception as error:  # noqa: BLE001 - the other judges are to be heard all the same
        traceback.print_exc()
        score = Score(0, 1, {name: f"could not judge: {error}"})
    for check, said in score.faults.items():
        _say(f"  {name}: {check}: {said}")
    _say(f"SCORE {name}: {score.passed}/{score.total}")
    return score.whole


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
