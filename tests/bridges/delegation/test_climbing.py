"""Another agent's questions as ours, and answers on their way back.

Source: A2A 1.0.1 sections 4.1.3 and 7.6; DESIGN section 5 (`ours`).
"""

from __future__ import annotations

import pytest

from interloom.bridges.delegation.climbing import MAX_QUESTIONS, Climbed, climbed
from interloom.runtime.core.questions import MARKER, Question, Response, data_of
from interloom.runtime.model import Message, Part, Role, TaskState, TaskStatus
from interloom.runtime.values import JsonObject

INPUT, AUTH = TaskState.INPUT_REQUIRED, TaskState.AUTH_REQUIRED
SEAT: JsonObject = {
    "type": "object",
    "properties": {"seat": {"type": "string", "enum": ["window", "aisle"]}},
    "required": ["seat"],
}
WORDS: JsonObject = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
}


def status(state: TaskState, *parts: Part) -> TaskStatus:
    message = Message(message_id="s1", role=Role.AGENT, parts=parts) if parts else None
    return TaskStatus(state=state, message=message)


def data(*questions: Question) -> Part:
    return Part(data=data_of(questions), metadata={MARKER: True})


def test_questions_of_this_runtime_climb_with_their_path() -> None:
    """DESIGN 5: each under its own name; a page stays a page."""
    asked = (
        Question("seat", "Window or aisle?", SEAT, source="flights"),
        Question("pay", "Pay", mode="url", url="https://pay.example", is_held_live=True),
    )

    found = climbed(status(INPUT, Part(text="Two questions"), data(*asked)), peer="trip")

    assert found == Climbed(
        (
            Question("seat", "Window or aisle?", SEAT, source="trip > flights"),
            Question(
                "pay",
                "Pay",
                mode="url",
                url="https://pay.example",
                source="trip",
                is_held_live=True,
            ),
        )
    )


IN_WORDS = {
    "text": (status(INPUT, Part(text="Which"), Part(text="way?")), "Which\nway?"),
    "nothing": (status(INPUT), "hotel waits, and does not say for what."),
    "a schema that is no flat form": (
        status(INPUT, Part(text="Deep?"), data(Question("q", "Deep?", {"type": "array"}))),
        "Deep?",
    ),
    "far too many": (
        status(
            INPUT,
            Part(text="All?"),
            data(*(Question(f"q{n}", "?", SEAT) for n in range(MAX_QUESTIONS + 1))),
        ),
        "All?",
    ),
    "data of another shape": (status(INPUT, Part(text="So?"), Part(data={"questions": []})), "So?"),
}


@pytest.mark.parametrize(("shown", "text"), IN_WORDS.values(), ids=IN_WORDS)
def test_any_other_question_is_one_in_words(shown: TaskStatus, text: str) -> None:
    """A2A 4.1.3: INPUT_REQUIRED has no shape but a message."""
    found = climbed(shown, peer="hotel")

    assert found == Climbed((Question("hotel", text, WORDS, source="hotel"),), is_plain=True)


PAGES = {
    "a link": ("Sign in at https://id.example/a?b=1.", "https://id.example/a?b=1"),
    "no link": ("Ask your bank.", ""),
}


@pytest.mark.parametrize(("text", "url"), PAGES.values(), ids=PAGES)
def test_demand_for_credentials_is_a_page_to_be_opened(text: str, url: str) -> None:
    """A2A 7.6: AUTH_REQUIRED climbs as such, with the link if the words have one."""
    found = climbed(status(AUTH, Part(text=text)), peer="bank")

    assert found.questions == (Question("bank", text, mode="url", url=url, source="bank"),)


def test_answers_go_back_under_the_names_they_were_asked_by() -> None:
    """DESIGN 5: to the exact waiting call, whatever our own task had to call them."""
    asked = Climbed((Question("seat", "?", SEAT), Question("pay", "?", mode="url", url="u")))

    part = asked.reply([Response("accept", {"seat": "aisle"}), Response("decline")])

    assert part.data == {
        "answers": {
            "seat": {"action": "accept", "content": {"seat": "aisle"}},
            "pay": {"action": "decline"},
        }
    }


REPLIES = {
    "an answer": (Response("accept", {"answer": "north"}), "north"),
    "a page that was opened": (Response("accept"), "done"),
    "a no": (Response("decline"), "decline"),
    "no decision": (Response("cancel"), "cancel"),
}


@pytest.mark.parametrize(("response", "text"), REPLIES.values(), ids=REPLIES)
def test_question_in_words_is_answered_in_words(response: Response, text: str) -> None:
    """ours."""
    asked = climbed(status(INPUT, Part(text="Which way?")), peer="guide")

    assert asked.reply([response]) == Part(text=text)


def test_questions_that_were_saved_are_the_same() -> None:
    """ours: they are put again word for word when the code is run again."""
    for shown in (status(INPUT, Part(text="?")), status(INPUT, data(Question("q", "?", SEAT)))):
        asked = climbed(shown, peer="hotel")

        assert Climbed.load(asked.dump()) == asked
