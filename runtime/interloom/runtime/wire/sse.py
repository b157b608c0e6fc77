"""Server-sent events as bytes: an incremental decoder and an encoder. No I/O.

Source: WHATWG HTML, section 9.2 "Server-sent events": lines end in CR, LF or CRLF; one leading
byte order mark is dropped; a line that begins with a colon is a comment; a blank line ends an
event; an event without a data line, or cut off by the end of the stream, does not happen.
The caps are ours: a peer that never ends a line must not fill the memory.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from interloom.runtime.errors import LocalError, PeerError

COMMENT: Final = b":\n\n"
"""A line that says nothing: keeps a silent stream alive, and is ignored by every reader."""
MAX_EVENT_BYTES: Final = 1024 * 1024
"""Bytes of one line, and of the data of one event, when the caller names no cap."""

_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BOM: Final = b"\xef\xbb\xbf"
_MAX_RETRY_DIGITS: Final = 12


class EventTooLarge(PeerError):
    """A line or an event is over the cap; the rest of the stream cannot be trusted."""

    code = "SSE_EVENT_TOO_LARGE"


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        data: The data lines joined by LF, as bytes; UTF-8 by the specification, not checked here.
        event: Its type.
        id: The last event id seen on the stream, this event's included.
        retry_ms: Reconnection time seen on the stream, milliseconds; None before the first.
    """

    data: bytes
    event: str = "message"
    id: str = ""
    retry_ms: int | None = None


class Decoder:
    """Turns chunks of a stream into events, whatever the chunks' borders.

    Args:
        max_event_bytes: Cap for one line and for the data of one event.
    """

    __slots__ = (
        "_buffer",
        "_data",
        "_data_bytes",
        "_is_first_line",
        "_last_id",
        "_max_bytes",
        "_retry_ms",
        "_scanned",
        "_skips_lf",
        "_type",
    )

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_bytes = max_event_bytes
        self._buffer = bytearray()
        self._scanned = 0
        self._skips_lf = False
        self._is_first_line = True
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._type = ""
        self._last_id = ""
        self._retry_ms: int | None = None

    @property
    def last_id(self) -> str:
        """The last event id seen, that of an event without data included; empty before any."""
        return self._last_id

    @property
    def retry_ms(self) -> int | None:
        """Reconnection time seen, milliseconds; None before the first."""
        return self._retry_ms

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes; return the events they complete, in order.

        Raises:
            EventTooLarge: A line or an event is over the cap.
        """
        if self._skips_lf and chunk:
            self._skips_lf = False
            chunk = chunk.removeprefix(b"\n")
        buffer = self._buffer
        buffer += chunk
        events: list[Event] = []
        start = 0
        for end in _LINE_END.finditer(buffer, self._scanned):
            line = bytes(buffer[start : end.start()])
            start = end.end()
            # The LF of a CRLF may still be on its way.
            self._skips_lf = start == len(buffer) and end.group() == b"\r"
            event = self._take_line(line)
            if event is not None:
                events.append(event)
        del buffer[:start]
        self._scanned = len(buffer)
        self._check(len(buffer), "line")
        return events

    def _take_line(self, line: bytes) -> Event | None:
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        self._check(len(line), "line")
        name, _, value = line.partition(b":")
        self._take_field(name, value.removeprefix(b" "))
        return None

    def _take_field(self, name: bytes, value: bytes) -> None:
        """Field names are compared byte by byte; an unknown one, or a comment, is passed over."""
        match name:
            case b"data":
                self._data.append(value)
                self._data_bytes += len(value) + 1
                self._check(self._data_bytes, "event")
            case b"event":
                self._type = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self._last_id = value.decode("utf-8", "replace")
            case b"retry" if value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                self._retry_ms = int(value)
            case _:
                pass

    def _dispatch(self) -> Event | None:
        data, kind = self._data, self._type
        self._data, self._data_bytes, self._type = [], 0, ""
        if not data:
            return None
        return Event(b"\n".join(data), kind or "message", self._last_id, self._retry_ms)

    def _check(self, size: int, what: str) -> None:
        # The line end of the last data line is no part of the event's data.
        if size - (what == "event") > self._max_bytes:
            raise EventTooLarge(f"a server-sent {what} is over {self._max_bytes} bytes")


def encode(data: bytes, *, id: str | None = None, event: str | None = None) -> bytes:  # noqa: A002
    """Write one event; line ends inside `data` become further data lines and arrive as LF.

    Args:
        data: The event's data, UTF-8.
        id: The event's id, the field's own name.
        event: Its type; None means `message`.

    Raises:
        LocalError: `id` or `event` holds a line end or NUL, which the format cannot carry.
    """
    if b"\n" in data or b"\r" in data:
        data = _LINE_END.sub(b"\ndata: ", data)
    head = b""
    if event is not None:
        head += b"event: " + _field("event", event) + b"\n"
    if id is not None:
        head += b"id: " + _field("id", id) + b"\n"
    return b"%sdata: %s\n\n" % (head, data)


def _field(name: str, value: str) -> bytes:
    if "\n" in value or "\r" in value or "\0" in value:
        raise LocalError(f"the {name} of a server-sent event may hold no line end and no NUL")
    return value.encode()
