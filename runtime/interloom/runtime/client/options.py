"""What a client may be told: limits, credentials, extensions, and which bindings to use."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from interloom.runtime.client.addresses import origin
from interloom.runtime.client.policy import Trust
from interloom.runtime.net.port import DEFAULT_LIMITS, Limits

PATIENT: Final = Limits(total_s=None, idle_s=900.0, max_bytes=256 * 1024 * 1024)
"""Limits of an answer that comes when the agent is done: no end, but no silence over 15 minutes."""

CARD: Final = Limits(connect_s=5.0, total_s=15.0, idle_s=10.0, max_bytes=1024 * 1024)
"""Limits of an agent card and of a key set (ours); no card we know has a hundredth of the size."""

Credentials: TypeAlias = Callable[[str], Awaitable[Mapping[str, str]]]
"""Gives the fields, lower-case names, that prove who we are to an origin; asked for each request.

An origin is `https://agent.example` or `http://127.0.0.1:8080`; for a gRPC interface without a
scheme it is its `host:port`. What is given for one origin is never sent to another.
"""


def for_origin(url: str, fields: Mapping[str, str]) -> Credentials:
    """The same fields for every request to the origin of an address, none for any other.

    Args:
        url: Any address at that origin.
        fields: Header fields, e.g. `{"authorization": "Bearer …"}`.
    """
    ours, named = origin(url), {name.lower(): value for name, value in fields.items()}

    async def given(asked: str) -> Mapping[str, str]:
        return named if asked == ours else {}

    return given


async def _nothing(_: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Resume:
    """How a broken stream goes on.

    Attributes:
        tries: Streams in a row that may bring nothing new; 0 to give what one stream gives, its end
            or its error as it comes.
        first_s: Seconds before the first of them.
        longest_s: The pause doubles up to this.
    """

    tries: int = 6
    first_s: float = 0.1
    longest_s: float = 5.0

    def pauses(self) -> Iterator[float]:
        """Seconds to wait before each try; up to half of it is left to chance.

        Those who lose their streams with a server must not come back all at once.
        """
        pause_s = self.first_s
        for _ in range(self.tries):
            yield pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
            pause_s = min(pause_s * 2, self.longest_s)


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a client goes about it.

    Attributes:
        limits: For answers that come at once.
        patient: For `send`, `stream` and `subscribe`, which last as long as the agent works.
        card_limits: For cards and key sets.
        credentials: What goes along with each request to an origin.
        extensions: URIs of the extensions every request activates (3.2.6).
        bindings: Names of the bindings to use, as cards have them; empty for all we speak.
        trust: Whose cards are trusted.
        resume: What is done about a stream that breaks.
    """

    limits: Limits = DEFAULT_LIMITS
    patient: Limits = PATIENT
    card_limits: Limits = CARD
    credentials: Credentials = _nothing
    extensions: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()
    trust: Trust = field(default_factory=Trust)
    resume: Resume = field(default_factory=Resume)
