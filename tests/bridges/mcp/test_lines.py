"""Lines of a byte stream: MCP 2026-07-28, basic/transports/stdio; the cap is ours."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.bridges.mcp.core.lines import (
    HEAD_BYTES,
    TAIL_BYTES,
    Line,
    LineDecoder,
    Overlong,
    encode_line,
)

LINES = st.lists(st.binary(max_size=40).filter(lambda b: b"\n" not in b and b"\r" not in b))


@given(LINES, st.lists(st.integers(1, 30)))
def test_lines_are_the_same_whatever_the_chunks_borders(
    lines: list[bytes], sizes: list[int]
) -> None:
    data = b"".join(line + b"\n" for line in lines)
    decoder = LineDecoder(max_bytes=40)
    found: list[Line] = []
    for size in [*sizes, len(data)]:
        found += decoder.feed(data[:size])
        data = data[size:]

    assert found == [line for line in lines if line]
    assert decoder.rest == 0


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_overlong_line_keeps_its_ends_and_costs_no_other_line(step: int) -> None:
    """ours: the caller can still see whose reply it was."""
    data = b"one\n" + b"x" * 5_000 + b"\ntwo\r\n" + b"y" * 11 + b"\n" + b"z" * 10 + b"\nthr"
    decoder = LineDecoder(max_bytes=10)
    found = [
        line for at in range(0, len(data), step) for line in decoder.feed(data[at : at + step])
    ]

    assert [line for line in found if isinstance(line, bytes)] == [b"one", b"two", b"z" * 10]
    heads = [line.head for line in found if isinstance(line, Overlong)]
    assert [head[:1] for head in heads] == [b"x", b"y"]
    assert all(len(head) <= HEAD_BYTES for head in heads)
    tails = [line.tail for line in found if isinstance(line, Overlong)]
    assert [tail[-1:] for tail in tails] == [b"x", b"y"]
    assert all(len(tail) <= TAIL_BYTES for tail in tails)
    assert decoder.rest == 3


def test_line_that_never_ends_does_not_fill_the_memory() -> None:
    """ours: the cap bounds what is kept, too."""
    decoder = LineDecoder(max_bytes=100)
    for _ in range(1_000):
        assert decoder.feed(b"x" * 50) == []
        assert decoder.rest <= 100


def test_message_is_one_line_whatever_it_holds() -> None:
    """stdio: a message must not contain embedded newlines."""
    line = encode_line({"text": "a\nb\r\u2028é"})

    assert json.loads(line.decode("utf-8")) == {"text": "a\nb\r\u2028é"}
    assert "é".encode() in line
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert b"\r" not in line
