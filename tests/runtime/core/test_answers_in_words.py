"""Plain text answers a question with one field, a page, or a yes-or-no."""

from __future__ import annotations

import pytest

from interloom.runtime.core.answers import NotAnAnswer, match
from interloom.runtime.core.questions import Question, Response
from interloom.runtime.values import Json, JsonObject
from tests.runtime.core.samples import asked, form, page, question, said

BOOLEAN: JsonObject = {"type": "boolean"}
INTEGER: JsonObject = {"type": "integer"}
NUMBER: JsonObject = {"type": "number"}
TEXT: JsonObject = {"type": "string"}
ENUM: JsonObject = {"type": "string", "enum": ["Aisle", "window"]}
TITLED: JsonObject = {
    "type": "string",
    "oneOf": [{"const": "a", "title": "Aisle seat"}, {"const": "w", "title": "Window seat"}],
}
SIZES: JsonObject = {"enum": [1, 2.5, None, True]}
MANY: JsonObject = {"type": "array", "items": {"type": "string", "enum": ["red", "blue"]}}
MANY_TITLED: JsonObject = {
    "type": "array",
    "items": {"anyOf": [{"const": "r", "title": "Red"}, {"const": "b", "title": "Blue"}]},
}
WORDS: JsonObject = {"type": "array", "items": TEXT}
NUMBERS: JsonObject = {"type": "array", "items": INTEGER}
LOOSE: JsonObject = {"type": "array"}
NULLABLE: JsonObject = {"type": ["string", "null"]}


def reply(schema: JsonObject, text: str) -> Response:
    (after,) = match([asked(question(form("f", f=schema)))], said(text))
    return after.responses["q"]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (BOOLEAN, "yes", True),
        (BOOLEAN, " Y ", True),
        (BOOLEAN, "TRUE", True),
        (BOOLEAN, "ok!", True),
        (BOOLEAN, "1", True),
        (BOOLEAN, "No.", False),
        (BOOLEAN, "n", False),
        (BOOLEAN, "false", False),
        (BOOLEAN, "0", False),
        (INTEGER, "2", 2),
        (INTEGER, " -7 ", -7),
        (INTEGER, "+7", 7),
        (INTEGER, str(2**63 - 1), 2**63 - 1),
        (INTEGER, str(-(2**63)), -(2**63)),
        (NUMBER, "2", 2.0),
        (NUMBER, "2.5", 2.5),
        (NUMBER, "1e3", 1000.0),
        (TEXT, "window", "window"),
        (TEXT, " by the\nwindow ", "by the\nwindow"),
        (TEXT, "7", "7"),
        (TEXT, "decline", "decline"),
        (TEXT, "No.", "No."),
        (TEXT, "[1]", "[1]"),
        (TEXT, "{unfinished", "{unfinished"),
        (ENUM, "aisle", "Aisle"),
        (ENUM, "WINDOW!", "window"),
        (TITLED, "Window seat", "w"),
        (TITLED, "window SEAT.", "w"),
        (TITLED, "a", "a"),
        (SIZES, "1", 1),
        (SIZES, "2.5", 2.5),
        (SIZES, "none", None),
        (SIZES, "true", True),
        (MANY, "red", ["red"]),
        (MANY, "Blue, RED", ["blue", "red"]),
        (MANY_TITLED, "red,blue", ["r", "b"]),
        (WORDS, "one, two words,three", ["one", "two words", "three"]),
        (NUMBERS, "1, 2", [1, 2]),
        (LOOSE, "a,b", ["a", "b"]),
        (NULLABLE, "x", "x"),
        ({}, "x", "x"),
    ],
)
def test_text_becomes_the_value_its_field_wants(schema: JsonObject, text: str, value: Json) -> None:
    """ours: answers.py, 3."""
    content = reply(schema, text).content

    assert content == {"f": value}
    assert content is not None
    assert type(content["f"]) is type(value)


@pytest.mark.parametrize(
    ("schema", "text", "reason"),
    [
        (BOOLEAN, "perhaps", "f: answer yes or no."),
        (BOOLEAN, "yes please", "f: answer yes or no."),
        (BOOLEAN, "2", "f: answer yes or no."),
        (INTEGER, "2.0", "f: must be a whole number."),
        (INTEGER, "two", "f: must be a whole number."),
        (INTEGER, "0x10", "f: must be a whole number."),
        (INTEGER, "9" * 30, "f: must be a whole number between -2^63 and 2^63."),
        (INTEGER, str(2**63), "f: must be a whole number between -2^63 and 2^63."),
        (INTEGER, "9" * 100_000, "f: must be a whole number."),
        (NUMBER, "ten", "f: must be a number."),
        (NUMBER, "1,5", "f: must be a number."),
        (NUMBER, "nan", "f: must be a number between -2^63 and 2^63."),
        (NUMBER, "inf", "f: must be a number between -2^63 and 2^63."),
        (NUMBER, "-Infinity", "f: must be a number between -2^63 and 2^63."),
        (NUMBER, "1e999", "f: must be a number between -2^63 and 2^63."),
        (ENUM, "roof", "f: must be one of Aisle, window."),
        (ENUM, "aisle or window", "f: must be one of Aisle, window."),
        (TITLED, "roof", "f: must be one of Aisle seat, Window seat."),
        (MANY, "red and blue", "f: must be one of red, blue."),
        (MANY, "red,", "f: must be one of red, blue."),
        (NUMBERS, "1, two", "f: must be a whole number."),
        ({"type": "null"}, "x", 'f: the answer is not of type "null".'),
        ({"type": ["integer", "null"]}, "7", 'f: the answer is not of types "null", "integer".'),
        ({"type": "object"}, "x", 'f: the answer is not of type "object".'),
        ({**TEXT, "maxLength": 3}, "four", "f: the answer is longer than 3 characters."),
        ({**TEXT, "format": "email"}, "ann", 'f: the answer is not a "email".'),
        ({**TEXT, "format": "date"}, "1 May", 'f: the answer is not a "date".'),
        ({**INTEGER, "maximum": 9}, "10", "f: the answer is greater than the maximum of 9."),
        ({**MANY, "maxItems": 1}, "red,blue", "f: the answer has more than 1 item."),
    ],
)
def test_text_that_is_no_such_value_is_refused(schema: JsonObject, text: str, reason: str) -> None:
    """ours: the sentence names the field and what it takes."""
    with pytest.raises(NotAnAnswer) as refused:
        reply(schema, text)

    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("/decline", Response("decline")),
        (" /Decline. ", Response("decline")),
        ("/cancel", Response("cancel")),
        ("decline", Response("decline")),
        ("Cancel!", Response("cancel")),
    ],
)
@pytest.mark.parametrize("schema", [BOOLEAN, INTEGER, ENUM, MANY, {**WORDS, "minItems": 2}])
def test_words_decline_or_cancel_what_they_cannot_answer(
    schema: JsonObject, text: str, response: Response
) -> None:
    """ours: answers.py, 4."""
    assert reply(schema, text) == response


@pytest.mark.parametrize(
    ("text", "action"), [("/decline", "decline"), ("/cancel", "cancel"), ("/CANCEL!", "cancel")]
)
def test_command_settles_every_open_question_at_once(text: str, action: str) -> None:
    """ours: answers.py, 4; also where words alone could be an answer."""
    questions = (question(form(f=TEXT), "a"), question(form(f=TEXT, g=TEXT), "b"), page())

    (after,) = match([asked(*questions)], said(text))

    assert [each.action for each in after.in_order] == [action] * 3
    assert [each.content for each in after.in_order] == [None] * 3


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("done", "accept"),
        ("ok", "accept"),
        ("I am through", "accept"),
        ("no", "decline"),
        ("No.", "decline"),
        ("n", "decline"),
        ("false", "decline"),
        ("decline", "decline"),
        ("/decline", "decline"),
        ("cancel", "cancel"),
        ("Cancel.", "cancel"),
        ("/cancel", "cancel"),
    ],
)
def test_page_is_done_unless_the_reply_says_no(text: str, action: str) -> None:
    """ours: the server finds out what was done there; a no must not become a yes."""
    (after,) = match([asked(page())], said(text))

    assert after.in_order == (Response(action),)  # type: ignore[arg-type]  # a table of words


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("yes", Response("accept", {})),
        ("OK.", Response("accept", {})),
        ("no", Response("decline")),
        ("decline", Response("decline")),
        ("cancel", Response("cancel")),
    ],
)
@pytest.mark.parametrize("schema", [form(), {}, {"type": "object"}])
def test_question_without_fields_is_a_confirmation(
    schema: JsonObject, text: str, response: Response
) -> None:
    """MCP client/elicitation: a form may have nothing to fill in."""
    (after,) = match([asked(question(schema))], said(text))

    assert after.in_order == (response,)


@pytest.mark.parametrize(
    ("questions", "text", "reason"),
    [
        ((question(form()),), "well", "q: answer yes or no."),
        (
            (question(form(a=TEXT, b=TEXT)),),
            "x",
            "q: has several fields, answer with JSON: a, b.",
        ),
        (
            (question(form(a=TEXT), "one"), page("two")),
            "yes",
            "Several questions are open; answer them by name: one, two.",
        ),
    ],
)
def test_words_that_could_mean_several_things_are_refused(
    questions: tuple[Question, ...], text: str, reason: str
) -> None:
    """ours: guessing would act on what nobody said."""
    with pytest.raises(NotAnAnswer) as refused:
        match([asked(*questions)], said(text))

    assert str(refused.value) == reason


def test_texts_of_one_message_are_read_as_one() -> None:
    """A2A 4.1.6: a client may cut its text into parts."""
    (after,) = match([asked(question(form("f", f=TEXT)))], said("by the", " window "))

    assert after.responses["q"] == Response("accept", {"f": "by the window"})
