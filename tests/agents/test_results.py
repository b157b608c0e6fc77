"""What an author returns, and what the caller gets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import orjson
import pytest

from interloom.agents.results import Result, products
from interloom.runtime.errors import LocalError
from interloom.runtime.model import Artifact, Part, decode_json

REPORT = Artifact(artifact_id="report", parts=(Part(text="fine"),))
CHART = Artifact(artifact_id="chart", parts=(Part(raw=b"png", media_type="image/png"),))
JSON = "application/json"


def sent(value: Result) -> tuple[Artifact, ...]:
    """What the caller reads; each under the id it is kept by."""
    made = products(value)
    read = tuple(decode_json(Artifact, each.json) for each in made)
    assert [each.artifact_id for each in made] == [each.artifact_id for each in read]
    return read


RESULTS: dict[str, tuple[Result, tuple[Part, ...]]] = {
    "text": ("hi", (Part(text="hi"),)),
    "empty text": ("", (Part(text=""),)),
    "a whole number": (7, (Part(data=7, media_type=JSON),)),
    "a fraction": (0.5, (Part(data=0.5, media_type=JSON),)),
    "true": (True, (Part(data=True, media_type=JSON),)),
    "a list": ([1, "two"], (Part(data=[1, "two"], media_type=JSON),)),
    "an object": ({"a": {"b": 1}}, (Part(data={"a": {"b": 1}}, media_type=JSON),)),
    "a part": (Part(url="https://x.test/a.pdf"), (Part(url="https://x.test/a.pdf"),)),
}


@pytest.mark.parametrize(("value", "parts"), RESULTS.values(), ids=RESULTS)
def test_value_becomes_one_artifact_of_one_part(value: Result, parts: tuple[Part, ...]) -> None:
    """A2A 4.1.6: text for text, data for JSON."""
    assert sent(value) == (Artifact(artifact_id="result", parts=parts),)


def test_nothing_becomes_no_artifact() -> None:
    assert products(None) == ()


def test_artifacts_are_left_as_they_are() -> None:
    assert sent(REPORT) == (REPORT,)
    assert sent((REPORT, CHART)) == (REPORT, CHART)


NOT = "an agent returns text, JSON or artifacts, not"
UNFIT: dict[str, tuple[object, str]] = {
    "an object": (object(), f"{NOT} object"),
    "a time": (datetime.now(UTC), f"{NOT} datetime"),
    "bytes": (b"hi", f"{NOT} bytes"),
    "a set": ({1}, f"{NOT} set"),
    "a class": (str, f"{NOT} type"),
    "a tuple of text": (("a", "b"), f"{NOT} tuple"),
    "artifacts and text": ((REPORT, "b"), f"{NOT} tuple"),
    "a time inside": ({"at": datetime.now(UTC)}, "what an agent returns must be JSON"),
    "NaN": (float("nan"), "what an agent returns must not contain NaN or Infinity"),
    "a number as a key": ({1: "a"}, "what an agent returns must have strings as keys"),
    "a lone surrogate": ("\ud800", "what an agent returns must be text that UTF-8 can carry"),
    "nesting": (orjson.loads("[" * 99 + "]" * 99), "what an agent returns is nested too deep"),
}


@pytest.mark.parametrize(("value", "words"), UNFIT.values(), ids=UNFIT)
def test_value_a2a_cannot_carry_is_the_authors_mistake(value: object, words: str) -> None:
    """Ours: said where it was returned, in words, not when somebody reads the task."""
    with pytest.raises(LocalError) as mistake:
        products(cast("Result", value))
    assert str(mistake.value) == words
