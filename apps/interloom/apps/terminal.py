"""What the command line owes the shell it runs in: streams, exit codes, one-line errors.

Data goes to stdout and everything else to stderr. Text that came from an agent is cleaned of
control characters before a terminal sees it; `-o json` keeps every character, escaped.

Imports click alone: this file is on the way of `interloom --help`.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import click

AS_JSON = "interloom.as_json"
"""Key of `click.Context.meta`: True when errors are wanted as JSON."""


class ExitCode(IntEnum):
    """What the shell is told; scripts depend on these numbers."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    AUTH_REQUIRED = 3
    UNREACHABLE = 4
    TASK_FAILED = 5
    PAUSED = 6
    TIMEOUT = 8
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Terminal:
    """Who sits in front of us.

    Attributes:
        is_interactive: True when a person can read a question on stderr and type an answer.
    """

    is_interactive: bool = field(default_factory=lambda: sys.stdin.isatty() and sys.stderr.isatty())


class Failure(Exception):
    """The command could not do what it was asked.

    Attributes:
        exit_code: What the shell is told.
        code: Stable name for scripts.
        message: What is wrong.
        hint: What to do next, or empty.
        retryable: True when the same command may work later.
    """

    def __init__(
        self,
        exit_code: ExitCode,
        code: str,
        message: str,
        *,
        hint: str = "",
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code
        self.message = message
        self.hint = hint
        self.retryable = retryable

    def told(self) -> str:
        """The failure for a person: `error: what; hint`.

        Problems of a configuration file come one a line, each with its own place in the file.
        """
        lines = self.message.splitlines() or [self.code]
        if self.hint:
            is_sentence = lines[-1].endswith(".") and not lines[-1].endswith("..")
            lines[-1] = f"{lines[-1][:-1] if is_sentence else lines[-1]}; {self.hint}"
        return "\n".join(f"error: {line}" for line in lines)

    def envelope(self) -> str:
        """The failure for a script, one line: `{"error": {"code", "message", ...}}`."""
        error: Mapping[str, str | bool] = {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
        }
        return json.dumps({"error": error}, ensure_ascii=False)


class Pause(Failure):
    """The task waits for a person; `hint` is the command that goes on with it."""

    def told(self) -> str:
        """The question, and the command under it."""
        return f"{self.message}\nto go on: {self.hint}"


def clean(text: str) -> str:
    """Text without control characters (line ends and tabs stay), so that no escape gets through."""
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) != "Cc")


def say(text: str) -> None:
    """Tell the person at the terminal; stderr."""
    click.echo(clean(text), err=True)


def emit(text: str, *, end: str = "\n") -> None:
    """Give data; stdout."""
    click.echo(clean(text) + end, nl=False)


def emit_json(encoded: bytes) -> None:
    """Give data as one line of JSON; stdout."""
    click.echo(encoded.decode())
