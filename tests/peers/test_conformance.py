"""The harness around the outside judges. Source: `ours`."""

from __future__ import annotations

import pytest

from tests.peers.conformance import __main__ as harness
from tests.peers.conformance.environment import python
from tests.peers.conformance.rest_fuzz import score as fuzzed
from tests.peers.conformance.score import Score
from tests.peers.conformance.testbed import CONTRACTS, score


@pytest.mark.parametrize(
    ("found", "passes"), [(Score(3, 3), True), (Score(2, 3), False), (Score(0, 0), False)]
)
def test_a_judge_is_content_only_when_all_it_checked_passed(
    found: Score, passes: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness.report("judge", lambda: found) is passes
    assert capsys.readouterr().out == f"SCORE judge: {found.passed}/{found.total}\n"


def test_what_did_not_pass_is_named_before_the_score(capsys: pytest.CaptureFixture[str]) -> None:
    harness.report("judge", lambda: Score(0, 1, {"streams": "never ended"}))
    assert capsys.readouterr().out == "  judge: streams: never ended\nSCORE judge: 0/1\n"


def test_a_judge_that_cannot_judge_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    def absent() -> Score:
        raise RuntimeError("no such program")

    assert not harness.report("judge", absent)
    assert "could not judge: no such program" in capsys.readouterr().out


def test_a_contract_nobody_judged_has_not_passed() -> None:
    assert score({"a": ("pass", ""), "b": ("skip", "no push")}) == Score(
        1, CONTRACTS, {"b": "skip: no push"}
    )


def test_a_machine_without_the_python_a_judge_needs_is_told_so() -> None:
    with pytest.raises(RuntimeError, match=r"needs Python 3\.19 or newer"):
        python((3, 19))


def test_an_operation_that_was_not_fuzzed_has_not_passed() -> None:
    """schemathesis writes one test case for each operation, with what went wrong inside."""
    report = """<testsuites><testsuite>
      <testcase name="GET /tasks" />
      <testcase name="POST /message:send"><failure message="500"/></testcase>
      <testcase name="Stateful tests"><skipped/></testcase>
    </testsuite></testsuites>"""

    assert fuzzed(report, 4) == Score(
        1, 4, {"POST /message:send": "500", "Stateful tests": "skipped"}
    )
