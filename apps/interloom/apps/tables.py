"""What a store holds, as lines for a person and as data for a script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

from interloom.apps.view import STATE_WORDS
from interloom.runtime.ledger.overview import Inspector, Overview, Tally
from interloom.runtime.model import TaskState

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_UNITS = ("B", "KB", "MB", "GB", "TB")
_STEP = 1024
_NAME = 12
"""Characters of a worker's name and host that are shown."""


class Shown(NamedTuple):
    """A store at one moment, as commands show it.

    Attributes:
        kind: `sqlite` or `postgresql`.
        place: Where it is.
        version: Of its schema.
        current: The version it could have.
        size_bytes: The room it takes.
        overview: What it holds; None where its schema is too old to be read.
    """

    kind: str
    place: str
    version: int
    current: int
    size_bytes: int
    overview: Overview | None


def look(store: Inspector) -> Shown:
    """Look at a store.

    Raises:
        Unavailable: It cannot be read.
    """
    is_current = store.version == store.current
    return Shown(
        store.kind,
        store.place,
        store.version,
        store.current,
        store.size_bytes(),
        store.overview() if is_current else None,
    )


def as_data(shown: Shown, *, events_per_s: float | None = None) -> bytes:
    """One line of JSON."""
    data: dict[str, object] = {
        "kind": shown.kind,
        "place": shown.place,
        "schema": {"version": shown.version, "current": shown.current},
        "sizeBytes": shown.size_bytes,
    }
    held = shown.overview
    if held is not None:
        data |= {
            "tasks": [each._asdict() for each in held.tasks],
            "runs": [each._asdict() for each in held.runs],
            "workers": [
                {"name": name, "host": host, "silentS": silent_s, "runs": runs}
                for name, host, silent_s, runs in held.workers
            ],
            "waitingS": held.waiting_s,
            "outbox": held.outbox,
            "undelivered": held.undelivered,
            "events": held.events,
        }
    if events_per_s is not None:
        data["eventsPerS"] = round(events_per_s, 2)
    return orjson.dumps(data)


def as_lines(shown: Shown, *, events_per_s: float | None = None) -> Iterator[str]:
    """A few lines of text."""
    is_current = shown.version == shown.current
    fit = "current" if is_current else f"of {shown.current}: run `interloom db upgrade`"
    yield f"store     {shown.kind}  {shown.place}"
    yield f"schema    {shown.version} ({fit})"
    yield f"size      {size(shown.size_bytes)}"
    held = shown.overview
    if held is None:
        return
    yield from _block("tasks", ("agent", "state", "tasks"), _counted(held.tasks))
    yield from _block("runs", ("agent", "state", "runs"), _counted(held.runs))
    workers = [
        (name[:_NAME], host[:_NAME], f"{lasting(silent_s)} ago", str(runs))
        for name, host, silent_s, runs in held.workers
    ]
    yield from _block("workers", ("name", "host", "last beat", "runs"), workers)
    oldest = "nobody waits" if held.waiting_s is None else lasting(held.waiting_s)
    yield f"waiting   {oldest}"
    yield f"outbox    {held.outbox} to be posted to, {held.undelivered} dead letters"
    if events_per_s is not None:
        yield f"events    {events_per_s:.1f} a second"


def _counted(counts: Iterable[Tally]) -> list[tuple[str, ...]]:
    return [(agent, _word(state), str(number)) for agent, state, number in counts]


def _word(state: str) -> str:
    """A task's state in words; a run's is one already."""
    is_tasks = any(state == each.value for each in TaskState)
    return STATE_WORDS[TaskState(state)] if is_tasks else state


def _block(title: str, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """A small table under a title, or a word that there is nothing."""
    if not rows:
        yield f"{title:<9} none"
        return
    table = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for number, row in enumerate(table):
        cells = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"{title if number == 0 else '':<9} {cells}".rstrip()


def size(count: int) -> str:
    """Bytes for a person: `12.3 MB`."""
    value, unit = float(count), 0
    while value >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.0f} {_UNITS[unit]}" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def lasting(seconds: float) -> str:
    """A length of time for a person: `0.4 s`, `3 m 20 s`, `2 d 4 h`."""
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} m {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} m"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"
