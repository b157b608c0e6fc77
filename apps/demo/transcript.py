"""How the demo tells its story: a clock, a speaker and a line; colour only where it is welcome."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from typing import Final, TextIO

_WIDTH: Final = 74
_SPEAKER: Final = 11
_MARGIN: Final = " " * 22

_RESET: Final = "\033[0m"
_STYLES: Final = {
    "caller": "\033[36m",
    "concierge": "\033[32m",
    "runtime": "\033[33m",
    "tool server": "\033[35m",
    "depot": "\033[35m",
    "replica": "\033[33m",
    "parcel": "\033[36m",
    "quiet": "\033[2m",
    "bad": "\033[31m",
}


class Transcript:
    """Prints as it happens; times are seconds since the story began."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._colour = self._out.isatty() and not os.environ.get("NO_COLOR")
        self._began = time.monotonic()

    def title(self, line: str) -> None:
        """The first line."""
        self._print(line + "\n")

    def says(self, who: str, text: str) -> None:
        """Somebody says something; quotation marks tell words on the wire from narration."""
        self._line(who, f'"{text}"')

    def does(self, who: str, text: str) -> None:
        """Something happens to somebody."""
        self._line(who, text)

    def note(self, text: str) -> None:
        """What that means, in a quiet voice under the line before."""
        for line in textwrap.wrap(text, _WIDTH):
            self._print(_MARGIN + self._painted("quiet", line))

    def gap(self) -> None:
        """An empty line between two scenes."""
        self._print("")

    def line(self, text: str) -> None:
        """A line of the summary, as it is."""
        self._print(text)

    def failed(self, reason: str, log: str) -> None:
        """Say on standard error what went wrong, and what the log says about it."""
        print(f"\n{self._painted('bad', 'The demo failed:')} {reason}", file=sys.stderr)
        if log:
            print(textwrap.indent(log, "  | "), file=sys.stderr)

    def _line(self, who: str, text: str) -> None:
        elapsed = self._painted("quiet", f"{time.monotonic() - self._began:5.1f} s")
        speaker = self._painted(who, f"{who:<{_SPEAKER}}")
        first, *rest = textwrap.wrap(text, _WIDTH) or [""]
        self._print(f"{elapsed}  {speaker}  {first}")
        for line in rest:
            self._print(_MARGIN + line)

    def _painted(self, style: str, text: str) -> str:
        kind = style.partition(" ")[0]  # `parcel 3` looks like any parcel
        code = _STYLES.get(style, _STYLES.get(kind)) if self._colour else None
        return f"{code}{text}{_RESET}" if code else text

    def _print(self, line: str) -> None:
        print(line, file=self._out, flush=True)
