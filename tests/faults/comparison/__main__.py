"""`python -m tests.faults.comparison`: both crashes, and what became of them, side by side."""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import anyio

from tests.faults.comparison.trial import WATCHED_S, Outcome, crashed, official, ours


def main() -> int:
    """Crash both and print a table; 1 when ours did not come through."""
    outcomes: list[Outcome] = []
    for make in (ours, official):
        with tempfile.TemporaryDirectory() as folder:
            outcomes.append(anyio.run(crashed, make, Path(folder)))
    sys.stdout.write(f"{table(*outcomes)}\n")
    mine = outcomes[0]
    return 0 if (mine.state, mine.end, mine.is_open) == ("COMPLETED", "COMPLETED", False) else 1


def table(mine: Outcome, theirs: Outcome) -> str:
    """Both outcomes as Markdown, a line for each question."""
    peer = f"a2a-sdk {version('a2a-sdk')}, cluster mode"
    lines = [
        f"| kill -9 of the replica at work, in step 4 of 6 | Interloom | {peer} |",
        "|---|---|---|",
    ]
    for question, answers in zip(_answers(mine), _answers(theirs).values(), strict=True):
        lines.append(f"| {question} | {_answers(mine)[question]} | {answers} |")
    return "\n".join(lines)


def _answers(outcome: Outcome) -> dict[str, str]:
    first = "" if outcome.resumed_s is None else f", the first after {outcome.resumed_s:.1f} s"
    stream = "open, and silent" if outcome.is_open else "ended"
    return {
        f"the task, {WATCHED_S:.0f} s later at most": outcome.state,
        "the subscriber at the other replica": f"{outcome.events} events more{first}; {stream}",
        "steps that ran again by themselves": _named(outcome.again),
        "a further message on the task": outcome.follow_up,
        "steps that ran again because of it": _named(outcome.again_then),
        "the task at last": outcome.end,
    }


def _named(steps: list[int]) -> str:
    return ", ".join(map(str, steps)) or "none"


if __name__ == "__main__":
    sys.exit(main())
