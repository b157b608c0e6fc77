"""When a task's event is posted, again, or no more: what an answer to a post leads to.

Source: A2A 1.0.1 sections 4.3.3 (2xx acknowledges; retry with exponential back-off; stop after a
number of failures) and 13.2; RFC 9110 sections 10.2.3 (Retry-After) and 15.5.11 (410 Gone); the
numbers are `ours`.

A config's progress is a cursor, as a subscriber's is (`core.delivery`): the number of the last
event that needs no posting any more. What follows it waits, so a place gets the events of a task
in order, and one that failed holds up those behind it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple, TypeAlias

MAX_ATTEMPTS: Final = 8
"""Failed posts of one event after which its config is given up."""
FIRST_PAUSE_S: Final = 1.0
"""Longest pause after the first failure; each further one may be four times as long."""
MAX_PAUSE_S: Final = 3600.0
"""Longest pause, whatever a receiver asks for. All eight attempts take 41 to 83 minutes."""

_OK: Final = range(200, 300)
_GONE: Final = 410
_LATER: Final = frozenset({408, 409, 423, 425, 429})
"""Client errors that may do better later: RFC 9110, 4918 (423), 8470 (425), 6585 (429)."""


class Progress(NamedTuple):
    """How far the posting of one task's events to one place has come.

    Attributes:
        done: Number of the last event that needs no posting any more: it was delivered, refused,
            or is older than the config.
        attempts: Posts of the event after it that failed.
        due: When that event is to be posted, or None when there is none.
        stopped: Why nothing is posted any more; empty while posting goes on.
    """

    done: int
    attempts: int = 0
    due: datetime | None = None
    stopped: str = ""


class Undelivered(NamedTuple):
    """A dead letter: an event that a place never got. The event itself stays in its task's log.

    Attributes:
        task_id: Whose event.
        push_id: Which config of the task.
        seq: Number of the event.
        at: When it was given up.
        reason: In words of ours; no secret, and nothing the receiver said.
    """

    task_id: str
    push_id: str
    seq: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class Unwanted:
    """The receiver will not have this event, however often it is sent; the next may do."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The receiver wants no more events at all."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It may do better later; not before `after_s` seconds when the receiver said so."""

    reason: str
    after_s: float = 0.0


Outcome: TypeAlias = Delivered | Unwanted | Gone | Failed


def outcome(status: int, retry_after: str = "", *, now: datetime) -> Outcome:
    """What a receiver's answer means.

    Args:
        status: HTTP status; a redirect is an answer like any other, and not the one hoped for.
        retry_after: The field of that name, or empty: seconds or a date.
        now: The present moment, which a date is held against.
    """
    if status in _OK:
        return Delivered()
    reason = f"the receiver answered {status}"
    if status == _GONE:
        return Gone(reason)
    if status >= 500 or status in _LATER:  # noqa: PLR2004 - RFC 9110 section 15.6
        return Failed(reason, _seconds(retry_after, now))
    return Unwanted(reason)


class Settled(NamedTuple):
    """What follows from a post.

    Attributes:
        progress: How things stand now.
        lost: Why the event is a dead letter; empty when it is none.
    """

    progress: Progress
    lost: str = ""


def settle(
    progress: Progress,
    found: Outcome,
    *,
    name: str,
    now: datetime,
    max_attempts: int = MAX_ATTEMPTS,
) -> Settled:
    """Hold what came of a post against how things stood.

    Args:
        progress: How they stood.
        found: What came of it.
        name: Of the event and its config; it spreads retries, the same way each time.
        now: The present moment.
        max_attempts: Failures of one event after which its config is given up.
    """
    match found:
        case Delivered():
            return Settled(Progress(progress.done + 1, due=now))
        case Unwanted(reason):
            return Settled(Progress(progress.done + 1, due=now), reason)
        case Gone(reason):
            return Settled(Progress(progress.done, progress.attempts + 1, stopped=reason), reason)
        case Failed(reason, after_s):
            attempts = progress.attempts + 1
            if attempts >= max_attempts:
                gave_up = f"{reason}, {attempts} times"
                return Settled(Progress(progress.done, attempts, stopped=gave_up), gave_up)
            wait_s = min(max(pause_s(attempts, name), after_s), MAX_PAUSE_S)
            return Settled(Progress(progress.done, attempts, now + timedelta(seconds=wait_s)))


def pause_s(attempts: int, name: str) -> float:
    """Seconds until the next attempt after so many failures: half of it fixed, half by the name.

    Spread by a hash of the name rather than by chance: a thousand configs that failed together
    come back one by one, and every replica and every test finds the same moment.
    """
    longest_s = min(FIRST_PAUSE_S * 4.0 ** (attempts - 1), MAX_PAUSE_S)
    drawn = hashlib.blake2b(f"{name}/{attempts}".encode(), digest_size=4).digest()
    return longest_s * (0.5 + int.from_bytes(drawn) / 2**33)


def _seconds(retry_after: str, now: datetime) -> float:
    """`Retry-After` in seconds; 0 when it says nothing that can be read."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        then = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    if then.tzinfo is None:  # a date without a zone is UTC, too: RFC 9110 5.6.7
        then = then.replace(tzinfo=UTC)
    return max((then - now).total_seconds(), 0.0)
