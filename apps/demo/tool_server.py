"""A flight desk: an MCP tool server that asks two questions before it books.

Built with the official MCP SDK and run in a process of its own, so that nothing the demo shows
can come from shared memory. Every exchange is one stateless POST (MCP 2026-07-28
basic/transports/streamable-http); what was answered so far travels in `requestState`, which the
SDK seals, binds to the call and lets expire (basic/patterns/mrtr). A client that was killed
between two questions may therefore go on where it stopped.

An answer that does not fit its question's schema ends the call with an `isError` result; an
answer that is missing is asked for again.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import uvicorn
from mcp.server.mcpserver import Elicit, MCPServer, Resolve
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from demo.journal import Journal

HOST = "127.0.0.1"

Destination = Annotated[str, Field(min_length=1, max_length=80)]


class Seat(BaseModel):
    """Where to sit."""

    seat: Literal["window", "aisle"]


class Bags(BaseModel):
    """What to check in."""

    bags: int = Field(ge=0, le=3)


class Booking(BaseModel):
    """What the tool returns as `structuredContent`."""

    confirmation: str
    destination: str
    seat: str
    bags: int


async def ask_seat(destination: Destination) -> Elicit[Seat]:
    """Round 1."""
    return Elicit(f"Window or aisle on the flight to {destination}?", Seat)


async def ask_bags(seat: Annotated[Seat, Resolve(ask_seat)]) -> Elicit[Bags]:
    """Round 2: it needs the answer of round 1, so the two are never asked at once."""
    return Elicit(f"With your {seat.seat} seat: how many bags, 0 to 3?", Bags)


async def book(
    destination: Destination,
    seat: Annotated[Seat, Resolve(ask_seat)],
    bags: Annotated[Bags, Resolve(ask_bags)],
) -> Annotated[CallToolResult, Booking]:
    """Book a flight. Asks for the seat, then for the bags."""
    booking = Booking(
        confirmation=confirmation(destination, seat.seat, bags.bags),
        destination=destination,
        seat=seat.seat,
        bags=bags.bags,
    )
    text = (
        f"{destination}, {seat.seat} seat, {_count(bags.bags, 'bag')}, "
        f"confirmation {booking.confirmation}"
    )
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=booking.model_dump()
    )


def confirmation(destination: str, seat: str, bags: int) -> str:
    """The same wishes give the same code, so a second booking would not go unnoticed."""
    wishes = "\n".join((destination, seat, str(bags)))
    return hashlib.sha256(wishes.encode()).hexdigest()[:6].upper()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def serve(port: int, log: Path) -> None:
    """Serve `http://127.0.0.1:<port>/mcp` until a signal ends the process."""
    server = MCPServer("flights", version="1.0.0", log_level="WARNING")
    server.tool()(book)
    app = server.streamable_http_app(json_response=True, stateless_http=True, host=HOST)
    journal = Journal(app, log, questions=(ask_seat.__name__, ask_bags.__name__))
    uvicorn.run(journal, host=HOST, port=port, log_level="warning")


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="The demo's flight desk, an MCP tool server.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True, help="one JSON line per request")
    arguments = parser.parse_args(argv)
    serve(arguments.port, arguments.log)


if __name__ == "__main__":
    main()
