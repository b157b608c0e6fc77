"""Messages as lines: how stdio, and any byte stream like it, tells one from the next. No I/O.

Source: MCP 2026-07-28, basic/transports/stdio (one JSON-RPC message a line, UTF-8, no newline
inside). The cap is ours: a peer that never ends a line must not fill the memory, and the lines
after one that is too long are good again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from interloom.runtime.values import Json

HEAD_BYTES: Final = 1024
"""Bytes kept of the beginning of a line that is too long: enough to see whose reply it is."""

TAIL_BYTES: Final = 256
"""The same of its end."""


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line over the cap; only its beginning and its end were kept."""

    head: bytes
    tail: bytes = b""


Line: TypeAlias = bytes | Overlong


def encode_line(frame: Json) -> bytes:
    """One message as a line."""
    return orjson.dumps(frame, option=orjson.OPT_APPEND_NEWLINE)


class LineDecoder:
    """Turns chunks of a stream into lines, whatever the chunks' borders.

    Args:
        max_bytes: Cap for one line, its end not counted.
    """

    __slots__ = ("_buffer", "_head", "_max_bytes", "_scanned", "_tail")

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._scanned = 0
        self._head: bytes | None = None
        self._tail = b""

    def feed(self, chunk: bytes) -> list[Line]:
        """Take the next bytes; return the lines they complete, without ends, no empty ones."""
        buffer = self._buffer
        buffer += chunk
        lines: list[Line] = []
        start, end = 0, buffer.find(b"\n", self._scanned)
        while end >= 0:
            lines += self._ended(bytes(buffer[start:end]))
            start = end + 1
            end = buffer.find(b"\n", start)
        del buffer[:start]
        if len(buffer) > self._max_bytes:
            self._head = self._head or bytes(buffer[:HEAD_BYTES])
            self._tail = bytes(buffer[-TAIL_BYTES:])
            buffer.clear()
        self._scanned = len(buffer)
        return lines

    @property
    def rest(self) -> int:
        """Bytes of a line that has not ended."""
        return len(self._buffer) if self._head is None else self._max_bytes

    def _ended(self, line: bytes) -> list[Line]:
        head, self._head = self._head, None
        if head is None and len(line) > self._max_bytes:
            head = line[:HEAD_BYTES]
        if head is not None:
            tail, self._tail = self._tail + line[-TAIL_BYTES:], b""
            return [Overlong(head, tail[-TAIL_BYTES:])]
        line = line.removesuffix(b"\r")
        return [line] if line else []
