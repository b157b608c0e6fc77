"""What no file does, or does only with a reason that is written down here."""

from __future__ import annotations

import ast
import io
import re
import tokenize

import pytest

from tests.architecture.tree import EVERYTHING, PRODUCT, TESTS, imports, nodes, packages, text

ASYNCIO = {
    "runtime/interloom/runtime/engine/embedded.py": "a task for every run, a quarter of the price",
    "runtime/interloom/runtime/engine/live.py": "a future for every wait, a third of the price",
    "runtime/interloom/runtime/engine/run.py": "a task for every run, a quarter of the price",
    "runtime/interloom/runtime/engine/work.py": "who cancelled an agent: we, or another",
    "runtime/interloom/runtime/ledger/heart.py": "a thread watches whether the loop turns",
    "runtime/interloom/runtime/ledger/writer.py": "a thread wakes the loop, once for many commits",
    "runtime/interloom/runtime/serve/connection.py": "a server's protocols are asyncio's",
    "bench/canned_mcp.py": "protocol callbacks, which anyio does not have",
    "bench/http1.py": "protocol callbacks, which anyio does not have",
    "bench/raw_stdio.py": "protocol callbacks, which anyio does not have",
    "bench/serving.py": "protocol callbacks, which anyio does not have",
    "tests/runtime/engine/test_endings.py": "what an author's other libraries raise",
    "tests/runtime/engine/test_following.py": "what the loop keeps for each who waits",
    "tests/runtime/ledger/test_writer.py": "how a task group ends its tasks",
    "tests/runtime/serve/test_secrets.py": "what an author's other libraries use",
}
"""Files that import asyncio, and why anyio does not do."""

SLEEPS = {
    "tests/agents/test_time.py": "agents that let time pass, which is what is tested",
    "tests/faults/chaos/chain.py": "steps that a kill finds at work",
    "tests/faults/chaos/storm.py": "a kill at any moment",
    "tests/faults/chaos/watcher.py": "a process that is dead is asked again",
    "tests/faults/chaos/workers.py": "a process that comes up",
    "tests/faults/comparison/official.py": "steps that a kill finds at work",
    "tests/faults/comparison/ours.py": "steps that a kill finds at work",
    "tests/faults/comparison/trial.py": "a peer that tells nobody when it is done",
    "tests/peers/fixture/agent.py": "tasks that outside judges have to catch at work",
    "tests/runtime/ledger/test_heart.py": "a loop that is stuck, which is what is watched for",
    "tests/runtime/net/hostile.py": "a server that drips bytes, to be cut off by a deadline",
}
"""Test files that let time pass, and why."""

WALL_CLOCK = {
    "runtime/interloom/runtime/values.py": "the clock that everybody is handed",
    "runtime/interloom/runtime/ledger/sqlite_file.py": "the clock of a file is its host's",
}
"""Files of the product that ask the machine what time it is, and why."""
ASKS_THE_MACHINE = {"datetime.now", "datetime.utcnow", "date.today", "time.time", "time.time_ns"}

IGNORE_WITH_REASON = re.compile(r"# type: ignore\[[a-z-]+(, ?[a-z-]+)*\] +# \S.*")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|pragma:")


@pytest.mark.parametrize("path", EVERYTHING)
def test_event_loop_is_reached_through_anyio(path: str) -> None:
    """DESIGN section 6; equality, so that a reason goes when its file no longer needs it."""
    assert ("asyncio" in packages(path)) == (path in ASYNCIO)


@pytest.mark.parametrize("path", EVERYTHING)
def test_stand_in_is_a_fake_and_never_a_mock(path: str) -> None:
    """DESIGN section 10."""
    assert not [name for name in imports(path) if name.startswith("unittest.mock")]
    assert "mock" not in packages(path)


def _lets_time_pass(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="sleep" | "sleep_until")):
            is_sleep = True
        case ast.Call(func=ast.Attribute(attr="sleep" | "sleep_until")):
            is_sleep = True
        case _:
            return False
    first = node.args[0] if is_sleep and node.args else None
    return not (isinstance(first, ast.Constant) and first.value == 0)


@pytest.mark.parametrize("path", TESTS)
def test_test_waits_for_something_and_not_for_a_while(path: str) -> None:
    """DESIGN section 10: no sleeps; a checkpoint, `anyio.sleep(0)`, is none."""
    sleeps = [node for node in nodes(path) if _lets_time_pass(node)]
    assert bool(sleeps) == (path in SLEEPS)


@pytest.mark.parametrize("path", PRODUCT)
def test_time_is_asked_of_who_knows_it(path: str) -> None:
    """DESIGN section 4: what processes compare is the store's time; their own clocks may differ."""
    asked = {ast.unparse(each) for each in nodes(path) if isinstance(each, ast.Attribute)}
    assert bool(asked & ASKS_THE_MACHINE) == (path in WALL_CLOCK)


def _comments(path: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text(path)).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@pytest.mark.parametrize("path", EVERYTHING)
def test_comment_ignores_a_type_error_only_with_code_and_reason(path: str) -> None:
    """style: whoever silences a checker says what it got wrong."""
    silencers = [each for each in _comments(path) if "type: ignore" in each]
    assert all(IGNORE_WITH_REASON.search(each) for each in silencers), silencers


@pytest.mark.parametrize("path", EVERYTHING)
def test_file_is_finished(path: str) -> None:
    """ours: what is left to do is an issue, not a comment, and no line hides from coverage."""
    assert not [each for each in _comments(path) if UNFINISHED.search(each)]


@pytest.mark.parametrize("path", EVERYTHING)
def test_file_begins_by_saying_what_it_is(path: str) -> None:
    """style: a docstring, then `from __future__ import annotations`."""
    module = nodes(path)[0]
    assert isinstance(module, ast.Module)
    assert ast.get_docstring(module)
    assert len(module.body) == 1 or "__future__.annotations" in imports(path)


SERVES_CLIENTS = [
    *(f"runtime/interloom/runtime/engine/{name}.py" for name in ("inbox", "listing", "operations")),
    "runtime/interloom/runtime/engine/push_configs.py",
    *(path for path in EVERYTHING if path.startswith("runtime/interloom/runtime/serve/")),
]
READS = {"task", "journal"}
"""What a ledger tells of a task by its id alone, whoever asks."""


@pytest.mark.parametrize("path", SERVES_CLIENTS)
def test_task_is_read_for_a_client_only_as_the_clients_own(path: str) -> None:
    """A2A 13.1: `engine.caller.find` and `own` look whose a task is; nobody reads around them."""
    calls = [node.func for node in nodes(path) if isinstance(node, ast.Call)]
    read = [
        ast.unparse(each)
        for each in calls
        if isinstance(each, ast.Attribute)
        and each.attr in READS
        and ast.unparse(each.value).endswith("ledger")
    ]
    assert read == []
