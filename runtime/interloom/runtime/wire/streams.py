"""The extension `urn:interloom:stream:v1`: numbered events, streams that go on where they broke.

Source: `ours`, written down in docs/streams.md; A2A 1.0.1 section 4.6 (extensions) and WHATWG HTML,
section 9.2 (`Last-Event-ID`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from interloom.runtime.errors import BadParams, Violation
from interloom.runtime.model import AgentExtension
from interloom.runtime.values import JsonObject

URI: Final = "urn:interloom:stream:v1"
EXTENSION: Final = AgentExtension(
    uri=URI, description="Events are numbered; a stream that broke goes on where it broke."
)
HEADER: Final = b"last-event-id"
"""The field, and the gRPC metadata, that says where a stream broke."""
SEQ: Final = "seq"
"""In the metadata of an event: its number."""
AFTER: Final = "after"
"""In the metadata of a request: the number of the last event that arrived."""

_NUMBER: Final = re.compile(rb"[0-9]{1,15}")
_MOST: Final = 10**15


class Numbering(NamedTuple):
    """What a caller wants of a stream beyond A2A.

    Attributes:
        after: Go on after this event; None begins anew.
        shown: Numbers stand in the events' metadata too.
    """

    after: int | None = None
    shown: bool = False


def numbering(shown: bool, last_event_id: bytes, metadata: JsonObject | None) -> Numbering | None:
    """What a request asks for; None when it knows nothing of the extension.

    Args:
        shown: It activates the extension.
        last_event_id: What it sends as `Last-Event-ID`; empty for nothing.
        metadata: Its metadata; what a header says goes before.

    Raises:
        BadParams: The number of the event is none.
    """
    if last_event_id:
        if _NUMBER.fullmatch(last_event_id) is None:
            raise _bad("Last-Event-ID")
        return Numbering(int(last_event_id), shown)
    wanted = None if metadata is None else metadata.get(URI)
    if wanted is not None:
        after = wanted.get(AFTER) if isinstance(wanted, dict) else None
        if not isinstance(after, int | float) or not 0 <= after < _MOST or after != int(after):
            raise _bad(f"metadata.{URI}.{AFTER}")
        return Numbering(int(after), shown)
    return Numbering(None, shown) if shown else None


def numbered(response: bytes, seq: int) -> bytes:
    """A `StreamResponse` as JSON, with the number of its event; ours have no other metadata."""
    return b'%b,"metadata":{"%b":{"%b":%d}}}}' % (
        response[:-2],
        URI.encode(),
        SEQ.encode(),
        seq,
    )


def unnumbered(response: JsonObject) -> tuple[JsonObject, str]:
    """A `StreamResponse` without the number in its metadata, and the number; empty without one."""
    for kind, event in response.items():
        metadata = event.get("metadata") if isinstance(event, Mapping) else None
        said = metadata.get(URI) if isinstance(metadata, Mapping) else None
        seq = said.get(SEQ) if isinstance(said, Mapping) else None
        if not (isinstance(event, Mapping) and isinstance(metadata, Mapping)):
            continue
        if isinstance(seq, int | float) and 0 <= seq < _MOST:
            rest = {name: value for name, value in metadata.items() if name != URI}
            plain = {name: value for name, value in event.items() if name != "metadata"}
            return {kind: {**plain, "metadata": rest} if rest else plain}, f"{seq:.0f}"
    return response, ""


def _bad(field: str) -> BadParams:
    rule = "must be the number of an event of the task"
    return BadParams(f"{field}: {rule}", violations=(Violation(field, rule),))
