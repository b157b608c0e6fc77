"""The tool server of the storm: `python -m tests.faults.chaos.tolls --port N --log FILE`.

Each call of `pay` appends a line `TASK TOLL` to the log before it answers: its effect.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mcp.server.mcpserver import MCPServer


def make(log: Path, port: int) -> MCPServer:
    """The server, with its one tool."""
    server = MCPServer("tolls")

    @server.tool(structured_output=False)
    def pay(task: str, toll: int) -> str:
        """Pay a toll for a task."""
        with log.open("a") as book:
            book.write(f"{task} {toll}\n")
        return f"paid {toll}"

    return server


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    told = parser.parse_args()
    make(told.log, told.port).run("streamable-http", host="127.0.0.1", port=told.port)
