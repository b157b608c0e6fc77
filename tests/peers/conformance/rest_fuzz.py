"""schemathesis: the HTTP+JSON binding against its own OpenAPI document.

Every check it has but one, over requests that follow the document and requests that break it, alone
and one after another. Left out is `positive_data_acceptance`: a page token, a message's id or a
media type may fit its schema and be refused for what it means.

Source: schemathesis 4.32, `run --generation-deterministic`: the same requests each time.
"""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.etree import ElementTree as ET

import orjson

from tests.peers.conformance.score import Score
from tests.peers.conformance.served import fixture

PATH: Final = "/a2a/v1/openapi.json"
EXAMPLES: Final = 50
"""Requests to make up for each operation, of each kind."""
BOUND_S: Final = 900.0


def schemathesis() -> Score:
    """Judge every operation of the full card."""
    program = Path(sys.executable).with_name("schemathesis")
    with fixture(FIXTURE_CARD="full") as full, TemporaryDirectory() as folder:
        url = f"{full.url}{PATH}"
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - the fixture's own address
            paths = orjson.loads(answer.read())["paths"]
        command = [
            *(str(program), "run", url, "--checks", "all", "--no-color"),
            *("--exclude-checks", "positive_data_acceptance", "--generation-deterministic"),
            *("--max-examples", str(EXAMPLES)),
            *("--report", "junit", "--report-junit-path", f"{folder}/report.xml"),
        ]
        done = subprocess.run(  # noqa: S603 - the judge's own program
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=BOUND_S
        )
        report = Path(folder, "report.xml")
        if not report.exists():
            raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
        return score(report.read_text("utf-8"), sum(map(len, paths.values())) + 1)


def score(report: str, expected: int) -> Score:
    """The score in a JUnit report.

    Args:
        report: One test case for each operation, and one for all that is done in sequence.
        expected: How many cases there should be; what was not looked at has not passed.
    """
    cases = list(ET.fromstring(report).iter("testcase"))  # noqa: S314 - written by our own judge
    faults = {
        case.get("name", ""): (each.text or each.get("message") or each.tag).strip()
        for case in cases
        for each in case
        if each.tag in {"failure", "error", "skipped"}
    }
    return Score(len(cases) - len(faults), max(expected, len(cases)), faults)
