"""The decorator: what it takes, what it makes, what it refuses."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import cast

import pytest

from interloom.agents import AgentDefinition, Context, agent
from interloom.agents.authoring import AgentFunction, Details
from interloom.bridges.handoff import Toolbox
from interloom.runtime.errors import BadConfig
from interloom.runtime.model import AgentSkill


async def concierge(ctx: Context) -> str:
    """Books trips.

    And more, which a card has no room for.
    """
    return ctx.text


async def plain(ctx: Context) -> str:
    return ctx.text


def test_agent_is_named_and_described_by_its_function() -> None:
    """Ours: a plain function needs no more than the decorator."""
    made = agent()(concierge)

    assert (made.about.name, made.about.description) == ("concierge", "Books trips.")
    assert (made.tools, made.about.version) == ((), "0.1.0")


def test_agent_without_a_docstring_still_has_a_description() -> None:
    """A2A 4.4.1: description is REQUIRED."""
    assert agent()(plain).about.description == "The agent plain."


def test_what_the_author_says_comes_first() -> None:
    skill = AgentSkill(id="book", name="Book", description="Books.", tags=("travel",))
    made = agent(
        name="desk.1",
        description="A desk.",
        tools=["flights"],
        skills=[skill],
        version="2.0",
    )(concierge)

    assert (made.about.name, made.about.description, made.about.version) == (
        "desk.1",
        "A desk.",
        "2.0",
    )
    assert (made.tools, made.about.skills) == (("flights",), (skill,))


def test_peers_are_kept_for_whoever_binds_the_agent() -> None:
    """DESIGN 8: the author names them, the configuration says where they are."""
    assert agent(name="desk", peers=["hotel"])(concierge).peers == ("hotel",)


def test_agent_takes_and_gives_text_and_json_unless_its_author_says_otherwise() -> None:
    """A2A 4.4.1: defaultInputModes, defaultOutputModes."""
    usual = agent()(plain).about
    made = agent(input_modes=["image/*", "text/plain"], output_modes=["image/png"])(plain).about

    assert usual.input_modes == usual.output_modes == ("text/plain", "application/json")
    assert (made.input_modes, made.output_modes) == (("image/*", "text/plain"), ("image/png",))


@pytest.mark.parametrize("wrong", [["text"], "text/plain", ["text/plain", "*"]])
def test_mode_that_is_no_media_type_is_refused(wrong: list[str]) -> None:
    """Ours: when the module is imported, not at the first message."""
    for details in (Details(input_modes=wrong), Details(output_modes=wrong)):
        with pytest.raises(BadConfig, match=r"agent plain: .* is no media type"):
            agent(**details)(plain)


NAMES = ["a", "Z9", "a.b_c-d", "9lives", "x" * 64]


@pytest.mark.parametrize("name", NAMES)
def test_name_that_can_stand_in_a_url_is_taken(name: str) -> None:
    assert agent(name=name)(plain).about.name == name


BAD_NAMES = [" ", "a b", "a/b", "../a", ".a", "-a", "_a", "é", "a\n", "a?b", "a%20", "x" * 65]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_name_that_cannot_stand_in_a_url_is_refused(name: str) -> None:
    """Ours: the name is a segment of the agent's path, unescaped."""
    with pytest.raises(BadConfig, match=r"a name is up to 64 letters, digits, \. _ or -"):
        agent(name=name)(plain)


def _sync(ctx: Context) -> str:
    return ctx.text


async def _generator(ctx: Context) -> AsyncGenerator[str]:
    yield ctx.text


class Callable:
    """An object that can be awaited when called, but is no function."""

    async def __call__(self, ctx: Context) -> str:
        return ctx.text


@pytest.mark.parametrize(
    "thing",
    [_sync, _generator, Callable(), Callable, 7],
    ids=["function", "generator", "object", "class", "number"],
)
def test_what_is_no_async_function_is_refused(thing: object) -> None:
    """Ours: a clear error when the module is imported, not at the first message."""
    with pytest.raises(BadConfig, match="agent thing: must be an async function"):
        agent(name="thing")(cast("AgentFunction", thing))


async def test_definition_can_be_called_as_the_function_it_was() -> None:
    """Ours: an author's own tests need no runtime."""

    @agent()
    async def shout(ctx: Context) -> str:
        return str(ctx).upper()

    assert await shout(cast("Context", "hi")) == "HI"


def test_binding_makes_an_agent_with_the_same_card() -> None:
    made: AgentDefinition = agent()(concierge)

    assert made.bind(Toolbox({})).about is made.about
