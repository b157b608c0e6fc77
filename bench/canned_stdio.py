"""The canned MCP server on standard streams: `python -m bench.canned_stdio [CORE]`.

It answers all lines of a read with one write, so that it is not what is measured.

Source: MCP 2026-07-28, basic/transports/stdio.
"""

from __future__ import annotations

import os
import sys

from bench.canned_mcp import reply_to

_READ = 1 << 16


def main() -> None:
    """Answer until the input ends."""
    if len(sys.argv) > 1:
        os.sched_setaffinity(0, {int(sys.argv[1])})
    rest = b""
    while data := os.read(0, _READ):
        *lines, rest = (rest + data).split(b"\n")
        replies = [reply for line in lines if (reply := reply_to(line))]
        if replies:
            _write(b"\n".join([*replies, b""]))


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
