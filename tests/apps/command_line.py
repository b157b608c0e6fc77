"""What the tests of the command line share: how it is run, and what the agent answers."""

from __future__ import annotations

from click.testing import CliRunner, Result

from interloom.apps.cli import main
from interloom.apps.terminal import Terminal
from tests.apps import fake_agent as fake
from tests.apps.fake_agent import Events, FakeAgent

DONE = Events(
    (
        {"task": fake.task("SUBMITTED")},
        fake.moved("WORKING", "looking for a flight"),
        fake.chunk("Booked ", append=False),
        fake.chunk("LH 1166."),
        fake.moved("COMPLETED"),
    )
)
DONE_TASK = fake.task("COMPLETED", artifacts=[fake.artifact("Booked LH 1166.")])
SEAT = {
    "questions": {
        "seat": {
            "message": "Which seat?",
            "mode": "form",
            "source": "flights",
            "schema": {
                "type": "object",
                "properties": {
                    "place": {"type": "string", "enum": ["window", "aisle"]},
                    "row": {"type": "integer"},
                    "meal": {"type": "boolean"},
                },
                "required": ["place"],
            },
        }
    }
}
SEVERAL = {
    "questions": {
        "seat": SEAT["questions"]["seat"],
        "consent": {"message": "Go there.", "mode": "url", "url": "https://x.example"},
        "sure": {"message": "Sure?", "mode": "form", "schema": {"type": "object"}},
        "odd": 7,
    }
}
ASKING = {
    **fake.task("INPUT_REQUIRED"),
    "status": fake.status("INPUT_REQUIRED", "Which seat?", SEAT),
}
ASKS = Events(({"task": fake.task("WORKING")}, fake.moved("INPUT_REQUIRED", "Which seat?", SEAT)))


def run(*args: str, typed: str | None = None, stdin: str | None = None) -> Result:
    """Run the command line; `typed` is what a person at a terminal types."""
    terminal = Terminal(is_interactive=typed is not None)
    return CliRunner().invoke(main, args, input=typed or stdin, obj=terminal)


def call(agent: FakeAgent, *args: str, typed: str | None = None) -> Result:
    return run("call", "a", "Lisbon", "--url", agent.url, *args, typed=typed)


def tasks(agent: FakeAgent, *args: str, typed: str | None = None) -> Result:
    return run("tasks", *args, "--agent", "a", "--url", agent.url, typed=typed)
