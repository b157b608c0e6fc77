"""Questions of a task: prompted, or shown with the command that answers."""

from __future__ import annotations

import pytest

from tests.apps import fake_agent as fake
from tests.apps.command_line import ASKING, ASKS, DONE, DONE_TASK, SEVERAL, call, tasks
from tests.apps.fake_agent import Events, FakeAgent, Wire


def test_question_is_shown_with_the_command_that_answers(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", ASKS)
    agent.on("GetTask", fake.Result(ASKING))

    result = call(agent)

    assert (result.exit_code, result.stdout) == (6, "")
    assert result.stderr == (
        "Which seat?\n"
        f"to go on: interloom tasks answer --agent a --url {agent.url} t-1"
        " --set place=VALUE --set row=VALUE --set meal=VALUE\n"
    )


def test_person_is_prompted_and_the_task_goes_on(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", ASKS, DONE)
    agent.on("GetTask", fake.Result(ASKING), fake.Result(DONE_TASK))

    result = call(agent, typed="window\n12\n\n")

    assert (result.exit_code, result.stdout) == (0, "Booked LH 1166.\n")
    reply = agent.sent("SendStreamingMessage")[1]["message"]
    assert (reply["taskId"], reply["contextId"]) == ("t-1", "c-1")
    assert reply["parts"][0]["data"] == {
        "answers": {"seat": {"action": "accept", "content": {"place": "window", "row": 12}}}
    }


def test_required_field_is_asked_again_until_it_is_filled(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", ASKS, DONE)
    agent.on("GetTask", fake.Result(ASKING), fake.Result(DONE_TASK))

    result = call(agent, typed="\n\naisle\n\ny\n")

    assert result.exit_code == 0
    assert agent.sent("SendStreamingMessage")[1]["message"]["parts"][0]["data"] == {
        "answers": {"seat": {"action": "accept", "content": {"place": "aisle", "meal": True}}}
    }


def test_person_may_decline(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", ASKS, Events(({"task": fake.task("CANCELED")},)))
    agent.on("GetTask", fake.Result(ASKING), fake.Result(fake.task("CANCELED")))

    assert call(agent, typed="/decline\n").exit_code == 5
    assert agent.sent("SendStreamingMessage")[1]["message"]["parts"][0]["data"] == {
        "answers": {"seat": {"action": "decline"}}
    }


def test_person_who_leaves_gets_the_command_to_come_back(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", ASKS)
    agent.on("GetTask", fake.Result(ASKING))

    result = call(agent, typed="\n")

    assert result.exit_code == 6
    assert "to go on: interloom tasks answer" in result.stderr.splitlines()[-1]


def test_question_in_plain_words_is_answered_in_plain_words(agent: FakeAgent) -> None:
    asking = fake.task("INPUT_REQUIRED", "When?")
    agent.on("SendStreamingMessage", Events(({"task": asking},)), DONE)
    agent.on("GetTask", fake.Result(asking), fake.Result(DONE_TASK))

    assert call(agent, typed="on Friday\n").exit_code == 0
    assert agent.sent("SendStreamingMessage")[1]["message"]["parts"] == [{"text": "on Friday"}]


def test_several_questions_are_put_one_after_the_other(agent: FakeAgent) -> None:
    asking = {**ASKING, "status": fake.status("INPUT_REQUIRED", "Three things", SEVERAL)}
    agent.on("SendStreamingMessage", Events(({"task": asking},)), DONE)
    agent.on("GetTask", fake.Result(asking), fake.Result(DONE_TASK))

    assert call(agent, typed="aisle\n\n\ndone\nno\n").exit_code == 0
    assert agent.sent("SendStreamingMessage")[1]["message"]["parts"][0]["data"] == {
        "answers": {
            "seat": {"action": "accept", "content": {"place": "aisle"}},
            "consent": {"action": "accept", "content": {}},
            "sure": {"action": "decline"},
        }
    }


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (("t-1", "window please"), [{"text": "window please"}]),
        (
            ("t-1", "--set", "place=window", "--set", "row=12", "--set", "meal=no"),
            {"place": "window", "row": 12, "meal": False},
        ),
        (("t-1", "--set", "seat.place=a=b", "--set", "row=x"), {"place": "a=b", "row": "x"}),
        (("t-1", "--json", '{"place": "aisle"}'), {"place": "aisle"}),
        (("t-1", "--json", '{"seat": {"row": 3}}'), {"row": 3}),
    ],
)
def test_answer_becomes_the_part_the_agent_expects(
    agent: FakeAgent, args: tuple[str, ...], parts: object
) -> None:
    agent.on("GetTask", fake.Result(ASKING), fake.Result(DONE_TASK))
    agent.on("SendStreamingMessage", DONE)
    if "--set" not in args and "--json" not in args:
        agent.on("GetTask", fake.Result(DONE_TASK))

    result = tasks(agent, "answer", *args)

    assert (result.exit_code, result.stdout) == (0, "Booked LH 1166.\n")
    message = agent.sent("SendStreamingMessage")[0]["message"]
    assert message["taskId"] == "t-1"
    if isinstance(parts, dict):
        sent = message["parts"][0]
        assert sent["data"] == {"answers": {"seat": {"action": "accept", "content": parts}}}
    else:
        assert message["parts"] == parts


def test_decline_declines_every_open_question(agent: FakeAgent) -> None:
    asking = {**ASKING, "status": fake.status("INPUT_REQUIRED", "Three things", SEVERAL)}
    agent.on("GetTask", fake.Result(asking), fake.Result(DONE_TASK))
    agent.on("SendStreamingMessage", DONE)

    assert tasks(agent, "answer", "t-1", "--decline").exit_code == 0
    assert agent.sent("SendStreamingMessage")[0]["message"]["parts"][0]["data"] == {
        "answers": {name: {"action": "decline"} for name in ("seat", "consent", "sure")}
    }


@pytest.mark.parametrize(
    ("waiting", "args", "said"),
    [
        (
            ASKING,
            ("--set", "colour=red"),
            "asks for no field 'colour'; it asks for: place, row, meal",
        ),
        (ASKING, ("--set", "place"), "--set takes field=value"),
        (
            {**ASKING, "status": fake.status("INPUT_REQUIRED", "x", SEVERAL)},
            ("--json", '{"x": {}}'),
            "no question 'x' is open",
        ),
        (
            {**ASKING, "status": fake.status("INPUT_REQUIRED", "x", SEVERAL)},
            ("--json", '{"seat": 1}'),
            "an object for every",
        ),
        (
            fake.task("INPUT_REQUIRED", "When?"),
            ("--decline",),
            "asks in plain words; answer with TEXT",
        ),
        (fake.task("WORKING"), ("--decline",), "task t-1 asks nothing: working"),
    ],
)
def test_answer_that_fits_no_question_is_not_sent(
    agent: FakeAgent, waiting: Wire, args: tuple[str, ...], said: str
) -> None:
    agent.on("GetTask", fake.Result(waiting))

    result = tasks(agent, "answer", "t-1", *args)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert agent.sent("SendStreamingMessage") == []


# ---- A page to be opened -------------------------------------------------------------------------

PAGE: Wire = {"message": "Log in.", "mode": "url", "url": "https://x.example"}
LOGIN = {
    **fake.task("AUTH_REQUIRED"),
    "status": fake.status("AUTH_REQUIRED", "Log in.", {"questions": {"login": PAGE}}),
}
PAGES = {
    **LOGIN,
    "status": fake.status("AUTH_REQUIRED", "Twice.", {"questions": {"a": PAGE, "b": PAGE}}),
}


@pytest.mark.parametrize(
    ("waiting", "answer"),
    [
        (LOGIN, "t-1 done"),
        (PAGES, """t-1 --json '{"a":{},"b":{}}'"""),
        (fake.task("AUTH_REQUIRED", "Log in."), "t-1 done"),
    ],
    ids=["one", "several", "plain words"],
)
def test_task_that_needs_an_authorization_names_the_command_that_goes_on(
    agent: FakeAgent, waiting: Wire, answer: str
) -> None:
    """A2A 7.6: AUTH_REQUIRED waits for somebody, as INPUT_REQUIRED does."""
    agent.on("SendStreamingMessage", Events(({"task": waiting},)))
    agent.on("GetTask", fake.Result(waiting))
    command = f"to go on: interloom tasks answer --agent a --url {agent.url} {answer}\n"

    shown, called = tasks(agent, "get", "t-1"), call(agent)

    assert (shown.exit_code, shown.stderr) == (0, command)
    assert called.exit_code == 3
    assert called.stderr.endswith(command)


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (("done",), [{"text": "done"}]),
        (("--decline",), {"login": {"action": "decline"}}),
        (("--json", "{}"), {"login": {"action": "accept"}}),
        (("--json", '{"login": {}}'), {"login": {"action": "accept"}}),
    ],
)
def test_page_is_answered_from_the_command_line(
    agent: FakeAgent, args: tuple[str, ...], parts: object
) -> None:
    """MCP client/elicitation, URL mode: an accept without content, or a decline."""
    before = [] if args == ("done",) else [fake.Result(LOGIN)]
    agent.on("GetTask", *before, fake.Result(DONE_TASK))
    agent.on("SendStreamingMessage", DONE)

    assert tasks(agent, "answer", "t-1", *args).exit_code == 0
    (sent,) = agent.sent("SendStreamingMessage")[0]["message"]["parts"]
    assert (sent["data"]["answers"] if "data" in sent else [sent]) == parts


def test_page_takes_no_content_for_a_yes(agent: FakeAgent) -> None:
    """Ours: `{"action": "decline"}` must not become an accept."""
    agent.on("GetTask", fake.Result(LOGIN))

    result = tasks(agent, "answer", "t-1", "--json", '{"action": "decline"}')

    assert result.exit_code == 2
    assert "login is a page to be opened: its --json is {}, once done" in result.stderr
    assert agent.sent("SendStreamingMessage") == []


@pytest.mark.parametrize(("typed", "action"), [("done\n", "accept"), ("/decline\n", "decline")])
def test_person_at_a_terminal_says_when_the_page_is_done(
    agent: FakeAgent, typed: str, action: str
) -> None:
    agent.on("SendStreamingMessage", Events(({"task": LOGIN},)), DONE)
    agent.on("GetTask", fake.Result(LOGIN), fake.Result(DONE_TASK))

    assert call(agent, typed=typed).exit_code == 0
    (sent,) = agent.sent("SendStreamingMessage")[1]["message"]["parts"]
    assert sent["data"]["answers"]["login"]["action"] == action


@pytest.mark.parametrize(
    ("word", "meant"), [("ok", True), ("1", True), ("Yes.", True), ("0", False), ("soon", "soon")]
)
def test_yes_and_no_are_the_words_the_agent_takes(
    agent: FakeAgent, word: str, meant: object
) -> None:
    """Ours: one table for both sides."""
    agent.on("GetTask", fake.Result(ASKING), fake.Result(DONE_TASK))
    agent.on("SendStreamingMessage", DONE)

    tasks(agent, "answer", "t-1", "--set", f"meal={word}")

    (sent,) = agent.sent("SendStreamingMessage")[0]["message"]["parts"]
    assert sent["data"]["answers"]["seat"]["content"] == {"meal": meant}
