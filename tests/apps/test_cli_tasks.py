"""`interloom tasks`: list, get, cancel."""

from __future__ import annotations

import json

import pytest

from tests.apps import fake_agent as fake
from tests.apps.command_line import ASKING, DONE_TASK, tasks
from tests.apps.fake_agent import Error, FakeAgent, Wire

PAGE = {
    "tasks": [ASKING, {**DONE_TASK, "id": "t-22"}],
    "nextPageToken": "next",
    "pageSize": 2,
    "totalSize": 3,
}


def test_list_shows_one_line_a_task(agent: FakeAgent) -> None:
    agent.on("ListTasks", fake.Result(PAGE))

    result = tasks(agent, "list", "--state", "input-required", "--limit", "2", "--context", "c-1")

    assert result.exit_code == 0
    assert result.stdout == (
        "t-1   input required  2026-11-22 10:00:00  Which seat?\n"
        "t-22  completed       2026-11-22 10:00:00\n"
    )
    assert result.stderr == "2 of 3 tasks\nmore: --page next\n"
    assert agent.sent("ListTasks") == [
        {"contextId": "c-1", "status": "TASK_STATE_INPUT_REQUIRED", "pageSize": 2}
    ]


def test_list_in_json_is_the_page(agent: FakeAgent) -> None:
    agent.on("ListTasks", fake.Result(PAGE))

    page = json.loads(tasks(agent, "list", "-o", "json").stdout)

    assert [task["id"] for task in page["tasks"]] == ["t-1", "t-22"]
    assert (page["nextPageToken"], page["totalSize"]) == ("next", 3)


def test_get_shows_what_a_task_says_and_made(agent: FakeAgent) -> None:
    made = fake.artifact("line\n") | {"name": "Ticket"}
    file: Wire = {
        "artifactId": "f",
        "parts": [{"raw": "YWJj", "filename": "a.pdf"}, {"url": "https://x.example/f"}],
    }
    agent.on("GetTask", fake.Result({**ASKING, "artifacts": [made, file]}))

    result = tasks(agent, "get", "t-1")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "task:    t-1",
        "context: c-1",
        "state:   input required",
        "since:   2026-11-22T10:00:00+00:00",
        "says:    Which seat?",
        "",
        "--- Ticket",
        "line",
        "",
        "--- f",
        "[a.pdf: 3 bytes, shown in full with -o json]",
        "https://x.example/f",
    ]
    assert result.stderr.startswith("to go on: interloom tasks answer")


def test_get_in_json_is_the_task(agent: FakeAgent) -> None:
    agent.on("GetTask", fake.Result(DONE_TASK))

    task = json.loads(tasks(agent, "get", "t-1", "-o", "json").stdout)

    assert (task["id"], task["artifacts"]) == ("t-1", DONE_TASK["artifacts"])


@pytest.mark.parametrize("form", ["text", "json"])
def test_cancel_tells_how_the_task_stands(agent: FakeAgent, form: str) -> None:
    agent.on("CancelTask", fake.Result(fake.task("CANCELED")))

    result = tasks(agent, "cancel", "t-1", "-o", form)

    assert result.exit_code == 0
    assert ("TASK_STATE_CANCELED" if form == "json" else "t-1  canceled\n") in result.stdout


def test_cancel_too_late_is_refused(agent: FakeAgent) -> None:
    agent.on("CancelTask", Error(-32002, "it is over"))

    result = tasks(agent, "cancel", "t-1")

    assert result.exit_code == 5
    assert result.stderr == f"error: {agent.url.removeprefix('http://')}: it is over\n"
