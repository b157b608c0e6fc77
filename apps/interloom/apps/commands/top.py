"""`interloom top`: what a store's processes are at, now and again."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from interloom.apps import options
from interloom.apps.failures import told
from interloom.apps.stores import inspector, named
from interloom.apps.tables import as_data, as_lines, look
from interloom.apps.terminal import emit, emit_json
from interloom.runtime.ledger.overview import Inspector

CLEAR = "\x1b[H\x1b[J"
"""Has a terminal begin anew at its first line."""
FIRST_S = 0.5
"""Seconds between the two looks that the first number of events a second is taken from."""


@click.command()
@options.file
@options.store
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=0.2, max=3600),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds between two looks.",
)
@click.option("--once", is_flag=True, help="Look once; so it is where nobody reads, too.")
@options.output
def top(*, file: Path, store: str | None, every_s: float, once: bool, output: str) -> None:
    """Watch the workers, runs and tasks of the store of FILE, until Ctrl-C.

    It reads the store by itself, and asks no server.
    """
    is_live = sys.stdout.isatty() and not once and output == "text"
    with told(), inspector(named(file, store)) as found:
        try:
            _watch(found, every_s if is_live else None, as_json=output == "json")
        except KeyboardInterrupt:  # which is how it ends
            return


def _watch(store: Inspector, every_s: float | None, *, as_json: bool) -> None:
    """Show the store once, or again and again."""
    shown, at = look(store), time.monotonic()
    pause_s = FIRST_S
    while True:
        time.sleep(pause_s)
        before, since = shown, at
        shown, at = look(store), time.monotonic()
        rate = None
        if shown.overview is not None and before.overview is not None:
            rate = (shown.overview.events - before.overview.events) / (at - since)
        if as_json:
            emit_json(as_data(shown, events_per_s=rate))
        else:
            text = "\n".join(as_lines(shown, events_per_s=rate))
            if every_s is not None:
                click.echo(CLEAR, nl=False)
            emit(text)
        if every_s is None:
            return
        pause_s = every_s
