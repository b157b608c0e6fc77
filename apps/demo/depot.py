"""A depot: an MCP tool server whose one tool puts a stamp on a parcel, and writes that down.

Built with the official MCP SDK. The book is what really happened; nothing undoes a stamp.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import anyio
from mcp.server.mcpserver import MCPServer

HOST = "127.0.0.1"
STAMPING_S = 0.2
"""Seconds between a stamp and the answer: time to be killed in between."""


def make(book: Path) -> MCPServer:
    """The depot, with its book."""
    server = MCPServer("depot", log_level="WARNING")

    @server.tool(structured_output=False)
    async def stamp(parcel: str, stop: int) -> str:
        """Put a stamp on a parcel at a stop."""
        with book.open("a", encoding="utf-8") as page:
            page.write(f"{parcel}, stop {stop}\n")
        await anyio.sleep(STAMPING_S)
        return answer(stop)

    return server


def answer(stop: int) -> str:
    """What the tool says when the stamp is on."""
    return f"stamped at stop {stop}"


def stamps(book: str) -> Counter[str]:
    """How often each parcel was stamped at each stop: `{"parcel 1, stop 2": 1}`."""
    return Counter(book.splitlines())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--book", type=Path, required=True)
    told = parser.parse_args()
    make(told.book).run("streamable-http", host=HOST, port=told.port)
