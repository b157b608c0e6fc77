"""What the documents say is so: links, commands, options, configuration, code, the promise.

Source: `ours`. A document that has fallen behind fails here, not in a reader's hands.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from interloom.agents import AgentDefinition
from interloom.apps.cli import COMMANDS, main
from interloom.apps.config import (
    Config,
    ExtendedCard,
    HttpServer,
    LocalAgent,
    RemoteAgent,
    Skill,
    StdioServer,
    parse,
)
from interloom.apps.config_block import Block
from interloom.apps.config_server import (
    PushSettings,
    RetentionSettings,
    ServerSettings,
    TlsEntry,
    TokenEntry,
)
from interloom.apps.terminal import ExitCode

BOUND_S = 30.0
ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text("utf-8")
MAX_README_LINES = 330
"""A page somebody reads; guides are in docs/."""
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "docs" / "decisions" / "README.md",
    *DECISIONS,
]

PROMISE = (
    "A completed step is never run again; completed means its journal row committed. A step"
    " interrupted before that may run again. A tool call is never repeated after an uncertain"
    " outcome unless you or the tool's owner said repeating is safe; otherwise you are asked."
    " Events on a task's stream are gapless, ordered and identical for every subscriber on every"
    " replica. We do not offer exactly-once side effects; nobody can."
)
"""DESIGN section 4, word for word."""

PLACES: tuple[tuple[str, type[Block]], ...] = (
    ("", Config),
    ("server.", ServerSettings),
    ("server.tokens.NAME.", TokenEntry),
    ("push.", PushSettings),
    ("retention.", RetentionSettings),
    ("server.tls.", TlsEntry),
    ("agents.NAME.", LocalAgent),
    ("agents.NAME.extended.", ExtendedCard),
    ("agents.NAME.extended.skills.", Skill),
    ("agents.NAME.", RemoteAgent),
    ("mcpServers.NAME.", HttpServer),
    ("mcpServers.NAME.", StdioServer),
)
"""Where in the file each block's keys stand, as docs/configuration.md writes it."""

BLOCKS_OF_KEYS = {
    "agents",
    "agents.NAME.extended",
    "agents.NAME.extended.skills",
    "mcpServers",
    "push",
    "retention",
    "server",
    "server.tls",
    "server.tokens",
}
"""Keys that hold nothing but other keys of the table."""

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def named(path: Path) -> str:
    """A document's path below the root, for a test's id."""
    return str(path.relative_to(ROOT))


def snippets(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return [body for kind, body in _FENCE.findall(text) if kind == language]


def anchors(path: Path) -> set[str]:
    """The anchors GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def leads_somewhere(document: Path, link: str) -> bool:
    """True when a relative link names a file of the repository and, if any, one of its headings."""
    target, _, anchor = link.partition("#")
    path = (document.parent / target).resolve() if target else document
    inside = path.exists() and path.is_relative_to(ROOT)
    return inside and (not anchor or anchor in anchors(path))


def shell_lines() -> Iterator[list[str]]:
    """Every command of the guides' shell blocks and transcripts, split as a shell would."""
    for page in GUIDES:
        text = page.read_text("utf-8")
        for block in snippets(text, "sh"):
            for line in block.replace("\\\n", "").splitlines():
                yield shlex.split(line, comments=True)
        for block in snippets(text, "text"):
            for line in block.splitlines():
                if line.startswith("$ "):
                    yield shlex.split(line.removeprefix("$ "))


def problem_of(words: list[str]) -> str | None:
    """What is wrong with an `interloom` command line; None when every word of it is known."""
    command: click.Command = main
    ctx = click.Context(main)
    while isinstance(command, click.Group) and words:
        found = (
            command.get_command(ctx, words[0]) if words[0] in command.list_commands(ctx) else None
        )
        if found is None:
            return f"no command {words[0]!r}"
        command, words = found, words[1:]
    try:
        command.make_context("interloom", list(words), parent=None)
    except click.UsageError as error:
        return error.format_message()
    return None


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_relative_link_leads_to_a_file_and_every_anchor_to_a_heading(document: Path) -> None:
    links = [link for link in _LINK.findall(document.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not leads_somewhere(document, link)] == []


def test_every_make_target_named_in_a_document_exists_and_there_are_few() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    spoken: set[str] = set()
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        spoken |= set(re.findall(r"`make ([a-z-]+)`", text))
        for block in snippets(text, "sh"):
            spoken |= set(re.findall(r"^make ([a-z-]+)", block, re.MULTILINE))
    assert {"run-demo", "test"} <= spoken <= targets
    assert len(targets) <= 20


def test_every_interloom_command_of_a_guide_is_one_the_command_line_takes() -> None:
    commands = [words[1:] for words in shell_lines() if words and words[0] == "interloom"]
    assert {words[0] for words in commands} == set(COMMANDS)
    problems = {shlex.join(words): problem_of(words) for words in commands}
    assert [command for command, problem in problems.items() if problem is not None] == []


def test_a_command_line_with_an_unknown_option_is_noticed() -> None:
    assert problem_of(["call", "trip", "hello", "--not-an-option"]) is not None
    assert problem_of(["tasks", "nonsense"]) is not None


def test_every_option_a_document_names_in_a_sentence_exists() -> None:
    ctx = click.Context(main)
    commands = [main.get_command(ctx, name) for name in COMMANDS]
    commands += [
        each
        for group in commands
        if isinstance(group, click.Group)
        for each in group.commands.values()
    ]
    known = {
        option
        for command in commands
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    text = "".join(_FENCE.sub("", page.read_text("utf-8")) for page in GUIDES)
    spoken = set(re.findall(r"`(?:interloom [a-z ]+ )?(--?[a-z][a-z-]*)", text))
    assert spoken
    assert spoken <= known


def test_every_configuration_of_the_documents_loads() -> None:
    pages = [page.read_text("utf-8") for page in DOCUMENTS if page not in DECISIONS]
    found = [text for page in pages for text in snippets(page, "yaml")]
    assert len(found) > len(snippets(README, "yaml")) > 0
    for text in found:
        env = {name: f"the-value-of-{name}" for name in re.findall(r"\$\{(\w+)", text)}
        assert parse(text, "interloom.yaml", env).local_agents()


def test_the_configuration_table_names_every_key_and_no_other() -> None:
    (table,) = re.findall(r"^\| key \| default \|.*\n((?:\|.*\n)+)", CONFIGURATION, re.MULTILINE)
    keys = [re.findall(r"`([\w.]+)`", row.split("|")[1]) for row in table.splitlines()]
    documented = [key for row in keys for key in row]
    expected = {
        place + (field.alias or name)
        for place, model in PLACES
        for name, field in model.model_fields.items()
    }
    assert sorted(documented) == sorted(expected - BLOCKS_OF_KEYS)


def test_every_exit_code_is_explained() -> None:
    explained = {int(number) for number in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    assert explained == {int(code) for code in ExitCode}


def test_the_agent_of_the_readme_imports_and_is_served_by_its_configuration(tmp_path: Path) -> None:
    """The five-minute start, as far as it goes without a server."""
    source, _ = snippets(README, "python")
    compile(source, "README.md", "exec")
    path = tmp_path / "trip.py"
    path.write_text(source, "utf-8")
    spec = importlib.util.spec_from_file_location("readme_trip", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (text,) = snippets(README, "yaml")
    config = parse(text, "README.md", {})
    (name,) = config.local_agents()
    attribute = config.local_agents()[name].use.partition(":")[2]
    found = getattr(module, attribute)
    assert isinstance(found, AgentDefinition)
    assert found.about.name == name
    assert set(found.tools) == set(config.tool_servers())


def test_the_runtime_of_the_readme_greets_as_its_comment_says() -> None:
    _, source = snippets(README, "python")
    ended = subprocess.run(  # noqa: S603 - the README's own code is what is tried
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.strip() == source.rpartition("# ")[2].strip()


def test_the_promise_is_word_for_word_and_stands_once() -> None:
    quotes = re.findall(r"(?:^> .*\n)+", README, re.MULTILINE)
    said = [" ".join(line.removeprefix("> ") for line in each.splitlines()) for each in quotes]
    assert said == [PROMISE]


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= MAX_README_LINES


def test_the_picture_stands_once() -> None:
    assert len(snippets(README, "mermaid")) == 1


def test_the_licence_is_the_one_the_package_names() -> None:
    named_licence = re.search(
        r'^license = "(.+)"$', (ROOT / "pyproject.toml").read_text("utf-8"), re.M
    )
    assert named_licence is not None
    assert f"[{named_licence[1]}](LICENSE)" in README


@pytest.mark.parametrize("page", DECISIONS, ids=named)
def test_a_decision_has_its_number_its_four_headings_and_its_line_in_the_index(page: Path) -> None:
    text = page.read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Choice", "Price", "Revisit when"]
    title = text.splitlines()[0].removeprefix(f"# {page.name[:4]}. ")
    index = (page.parent / "README.md").read_text("utf-8")
    assert f"| [{page.name[:4]}]({page.name}) | {title} |" in index


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(numbers) + 1))


def test_every_direct_dependency_has_its_reason() -> None:
    """0009: a dependency is added with its reason, and goes with it."""
    page = (ROOT / "docs" / "decisions" / "0009-dependencies.md").read_text("utf-8")
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    listed = re.search(r"^dependencies = \[\n(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert listed is not None
    wanted = re.findall(r'^  "([\w.-]+)', listed[1], re.MULTILINE)
    assert re.findall(r"^\| ([\w.-]+) \| \d", page, re.MULTILINE) == wanted
