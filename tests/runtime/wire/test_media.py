"""Which parts an agent takes, by their media types."""

from __future__ import annotations

import pytest

from interloom.runtime.errors import BadConfig, ContentTypeNotSupported
from interloom.runtime.model import AgentSkill, Part
from interloom.runtime.wire.card import About, modes
from interloom.runtime.wire.media import Modes

PLAIN = Modes(About("a", "A.").input_modes)

TAKEN = {
    "text": Part(text="a"),
    "text that says so": Part(text="a", media_type="text/plain"),
    "text with a parameter": Part(text="a", media_type="text/plain; charset=utf-8"),
    "text in capitals": Part(text="a", media_type="Text/Plain"),
    "no text at all": Part(text=""),
    "data": Part(data={"a": 1}),
    "data that is null": Part(data=None),
    "a file of text": Part(raw=b"a", media_type="text/plain"),
    "JSON at an address": Part(url="https://x.example/a", media_type="application/json"),
}


@pytest.mark.parametrize("part", TAKEN.values(), ids=TAKEN)
def test_part_of_a_listed_type_is_taken(part: Part) -> None:
    """A2A 4.1.6; RFC 9110 8.3.1: letters' case and parameters do not matter."""
    PLAIN.check((Part(text="first"), part))


REFUSED = {
    "an image": Part(raw=b"a", media_type="image/png"),
    "an image at an address": Part(url="https://x.example/a", media_type="image/png"),
    "bytes of no type": Part(raw=b"a"),
    "an address of no type": Part(url="https://x.example/a.txt"),
    "text of another kind": Part(text="a", media_type="text/markdown"),
    "data of another kind": Part(data={}, media_type="application/ld+json"),
    "no media type": Part(text="a", media_type="text"),
    "a range": Part(text="a", media_type="text/*"),
}


@pytest.mark.parametrize("part", REFUSED.values(), ids=REFUSED)
def test_part_of_another_type_is_refused_by_its_place(part: Part) -> None:
    """A2A 3.1.1; the type is the peer's text, and not repeated."""
    with pytest.raises(
        ContentTypeNotSupported, match=r"^message\.parts\[1\]: is of a type"
    ) as caught:
        PLAIN.check((Part(text="first"), part))

    assert [each.field for each in caught.value.violations] == ["message.parts[1]"]


@pytest.mark.parametrize(
    ("listed", "media_type", "taken"),
    [
        ("*/*", "image/png", True),
        ("image/*", "image/png", True),
        ("image/*", "IMAGE/svg+xml", True),
        ("image/*", "audio/ogg", False),
        ("image/png", "image/jpeg", False),
        ("IMAGE/PNG", "image/png", True),
        ("image/png;q=1", "image/png", True),
        ("application/vnd.x.y+json", "application/vnd.x.y+json", True),
    ],
)
def test_range_stands_for_every_type_in_it(listed: str, media_type: str, taken: bool) -> None:
    """RFC 9110 12.5.1."""
    assert Modes([listed]).take(media_type) is taken


def test_text_is_refused_where_it_is_not_listed() -> None:
    """Ours: a text part is text/plain."""
    with pytest.raises(ContentTypeNotSupported):
        Modes(["image/*"]).check((Part(text="a"),))


def test_type_of_a_skill_is_taken_too() -> None:
    """A2A 4.4.5: a skill's modes override the agent's."""
    skill = AgentSkill(
        id="see", name="See", description="Sees.", tags=(), input_modes=("image/png",)
    )
    modes(About("a", "A.", skills=(skill,))).check((Part(raw=b"a", media_type="image/png"),))


@pytest.mark.parametrize("mode", ["", "text", "text/", "/plain", "*/plain", "t e/x", "a/b/c", "*"])
def test_mode_that_is_no_media_type_is_refused(mode: str) -> None:
    """Ours: `text` on a card would match nothing, and nobody would know why."""
    with pytest.raises(BadConfig, match="is no media type"):
        Modes(["text/plain", mode])
