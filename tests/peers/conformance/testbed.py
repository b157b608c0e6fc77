"""a2a-testbed: 62 contracts of the A2A specification, over JSON-RPC.

A contract on what an agent does that promises streaming, or push notifications, is passed over
with a card that does not, and the other way round. So the full card is judged first, and then the
minimal one by the contracts that were passed over.

Source: a2a-testbed 0.3.0a3, `conformance --strict`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeAlias

from tests.peers.conformance.environment import environment
from tests.peers.conformance.score import Score
from tests.peers.conformance.served import fixture

CONTRACTS: Final = 62
BOUND_S: Final = 600.0

Verdicts: TypeAlias = dict[str, tuple[str, str]]
"""By contract: `pass`, `skip` …, and what there is to say."""


def a2a_testbed() -> Score:
    """Judge the full card, then the minimal one by what is left."""
    program = environment("a2a-testbed", needs=(3, 12)) / "a2a-testbed"
    with fixture(FIXTURE_CARD="full") as full:
        found = _sweep(program, full.url)
    skipped = [name for name, (outcome, _) in found.items() if outcome == "skip"]
    if skipped:
        with fixture(FIXTURE_CARD="minimal") as minimal:
            found |= _sweep(program, minimal.url, skipped)
    return score(found)


def score(found: Verdicts) -> Score:
    """The score of both sweeps; a contract that neither judged has not passed."""
    faults = {
        name: f"{outcome}: {detail}"
        for name, (outcome, detail) in found.items()
        if outcome != "pass"
    }
    return Score(len(found) - len(faults), max(CONTRACTS, len(found)), faults)


def _sweep(program: Path, url: str, only: Iterable[str] = ()) -> Verdicts:
    picked = [word for name in only for word in ("--only", name)]
    command = [str(program), "conformance", "--strict", "--baseline", "none", "--format", "json"]
    done = subprocess.run(  # noqa: S603 - the judge's own program
        [*command, *picked, url], stdout=subprocess.PIPE, text=True, check=False, timeout=BOUND_S
    )
    rows = json.loads(done.stdout)["results"]
    return {row["id"]: (row["outcome"], row["detail"]) for row in rows}
