"""What a client may be told: limits, credentials, extensions, and which bindings to use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
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
    """

    limits: Limits = DEFAULT_LIMITS
    patient: Limits = PATIENT
    card_limits: Limits = CARD
    credentials: Credentials = _nothing
    extensions: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()
    trust: Trust = field(default_factory=Trust)
