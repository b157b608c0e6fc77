"""What an operator's log collector reads: JSON lines, whoever wrote them."""

from __future__ import annotations

import io
import logging
from collections.abc import Generator

import orjson
import pytest

from interloom.runtime.telemetry import log

TOUCHED = (log.ROOT, *log.FOREIGN, "uvicorn.error", "uvicorn.asgi")


@pytest.fixture(autouse=True)
def _loggers_as_they_come_and_as_they_were() -> Generator[None]:
    found = [logging.getLogger(name) for name in TOUCHED]
    before = [(each, each.handlers, each.level, each.propagate) for each in found]
    for each in found:  # servers of other tests leave theirs changed
        each.handlers, each.propagate = [], True
        each.setLevel(logging.NOTSET)
    yield
    for each, handlers, level, propagate in before:
        each.handlers, each.propagate = handlers, propagate
        each.setLevel(level)


def lines(level: str, *names: str) -> list[dict[str, str]]:
    """What is written when each of these loggers says one thing at each level."""
    stream = io.StringIO()
    log.configure(level, stream)
    for name in names:
        for at in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logging.getLogger(name).log(at, "said by %s", name)
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("name", ["uvicorn.error", "uvicorn.asgi", "asyncio"])
@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["warning", "error"]),
        ("info", ["warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_servers_own_words_are_json_lines_from_a_warning_on(
    name: str, level: str, heard: list[str]
) -> None:
    """Ours: one line of plain text among them breaks whoever parses them."""
    found = lines(level, name)

    assert [line["level"] for line in found] == heard
    assert {line["event"] for line in found} == {f"said by {name}"}


def test_our_words_are_heard_as_configured() -> None:
    """Ours."""
    assert [line["level"] for line in lines("info", "interloom.serve")] == [
        "info",
        "warning",
        "error",
    ]


def test_traceback_of_another_library_is_part_of_its_line() -> None:
    """Ours: a line an object."""
    stream = io.StringIO()
    log.configure("info", stream)
    problem = ValueError("spilt")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=problem)

    (line,) = stream.getvalue().splitlines()
    assert "ValueError: spilt" in orjson.loads(line)["exception"]
