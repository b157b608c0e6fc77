"""Server-sent events: what is written is read, however it is cut on the way."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.errors import LocalError
from interloom.runtime.wire.sse import Decoder, Event, EventTooLarge, encode

STREAMS: list[tuple[bytes, list[Event]]] = [
    (b"data: a\n\n", [Event(b"a")]),
    (b"data:a\n\n", [Event(b"a")]),
    (b"data:  a\n\n", [Event(b" a")]),
    (b"data: a\r\rdata: b\r\r", [Event(b"a"), Event(b"b")]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", [Event(b"a"), Event(b"b")]),
    (b"data: a\r\ndata: b\n\r\n", [Event(b"a\nb")]),
    (b"\xef\xbb\xbfdata: a\n\n", [Event(b"a")]),
    (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [Event(b"b")]),
    (b": keep-alive\n\n:\r\ndata: a\n\n", [Event(b"a")]),
    (b"data\n\n", [Event(b"")]),
    (b"data\ndata\n\n", [Event(b"\n")]),
    (b"event: x\n\ndata: a\n\n", [Event(b"a")]),
    (b"event: progress\ndata: a\n\n", [Event(b"a", "progress")]),
    (b"event\ndata: a\n\n", [Event(b"a")]),
    (b"id: 7\ndata: a\n\ndata: b\n\n", [Event(b"a", id="7"), Event(b"b", id="7")]),
    (b"id: 7\n\nid\ndata: b\n\n", [Event(b"b")]),
    (b"id: a\0b\ndata: a\n\n", [Event(b"a")]),
    (b"retry: 3000\ndata: a\n\n", [Event(b"a", retry_ms=3000)]),
    (b"retry: 3s\nretry: -1\ndata: a\n\n", [Event(b"a")]),
    (b"retry: 9999999999999\ndata: a\n\n", [Event(b"a")]),
    (b"unknown: x\n data: x\nDATA: x\ndata: a\n\n", [Event(b"a")]),
    (b"data: a: b\n\n", [Event(b"a: b")]),
    (b"data: cut off", []),
    (b"data: cut off\n", []),
    (b"\n\n\n", []),
    (b"", []),
]


def decode(*chunks: bytes, cap: int = 1000) -> list[Event]:
    decoder = Decoder(max_event_bytes=cap)
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@pytest.mark.parametrize(("stream", "events"), STREAMS)
def test_stream_is_read_as_the_standard_says(stream: bytes, events: list[Event]) -> None:
    """WHATWG HTML 9.2.5 and 9.2.6."""
    assert decode(stream) == events


@pytest.mark.parametrize(("stream", "events"), STREAMS)
def test_byte_by_byte_gives_the_same_events(stream: bytes, events: list[Event]) -> None:
    """WHATWG HTML 9.2.6: the stream has no chunk borders."""
    assert decode(*(bytes([byte]) for byte in stream)) == events


PIECES = st.sampled_from(
    [
        b"data",
        b"id",
        b"event",
        b"retry",
        b":",
        b" ",
        b"\r",
        b"\n",
        b"\r\n",
        b"1",
        b"x",
        b"\xef\xbb\xbf",
    ]
)


@given(st.lists(PIECES, max_size=40), st.data())
def test_any_chunking_gives_the_same_events(pieces: list[bytes], data: st.DataObject) -> None:
    """WHATWG HTML 9.2.6: the stream has no chunk borders."""
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    borders = [0, *cuts, len(stream)]
    chunks = [stream[a:b] for a, b in pairwise(borders)]

    assert decode(*chunks) == decode(stream)


SAFE_TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))


@given(st.binary(), SAFE_TEXT, st.none() | SAFE_TEXT.filter(bool))
def test_written_event_is_read_back(data: bytes, event_id: str, event: str | None) -> None:
    """ours: line ends inside the data arrive as LF, all else byte for byte."""
    arrived = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    assert decode(encode(data, id=event_id, event=event)) == [
        Event(arrived, event or "message", event_id)
    ]


def test_plain_event_is_one_data_line() -> None:
    """ours: what streaming responses look like on the wire."""
    assert encode(b'{"a":1}') == b'data: {"a":1}\n\n'
    assert encode(b"{}", id="4", event="x") == b"event: x\nid: 4\ndata: {}\n\n"


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_field_that_cannot_be_written_is_refused(value: str) -> None:
    """WHATWG HTML 9.2.6: a line end would begin a field of the attacker's."""
    with pytest.raises(LocalError, match="id"):
        encode(b"", id=value)
    with pytest.raises(LocalError, match="event"):
        encode(b"", event=value)


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        (b"data: " + b"x" * 20 + b"\n\n", "line"),
        (b"x" * 21, "line"),
        (b"data: 12345678\ndata: 12345678\ndata: 12345678\n\n", "event"),
    ],
)
def test_line_or_event_over_the_cap_is_refused(stream: bytes, what: str) -> None:
    """ours: a peer that never ends a line must not fill the memory."""
    with pytest.raises(EventTooLarge, match=f"{what} is over 20 bytes"):
        decode(stream, cap=20)
    with pytest.raises(EventTooLarge, match=f"{what} is over 20 bytes"):
        decode(*(bytes([byte]) for byte in stream), cap=20)


def test_event_at_the_cap_is_taken() -> None:
    """ours: the cap is inclusive."""
    assert decode(b"data: 1234567890\ndata: 123456789\n\n", cap=20) == [
        Event(b"1234567890\n123456789")
    ]
