"""A tool server of 2026-07-28 on stdio, with nothing but the standard library; lists two tools."""

from __future__ import annotations

import json
import sys
from typing import Any

TOOLS: list[dict[str, Any]] = [
    {"name": "ship", "description": "Ships\n things.", "inputSchema": {"type": "object"}},
    {"name": "add", "inputSchema": {"type": "object"}},
]
DISCOVERY: dict[str, Any] = {
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "depot", "version": "1"},
}
RESULTS: dict[str, dict[str, Any]] = {
    "server/discover": DISCOVERY,
    "tools/list": {"tools": TOOLS, "ttlMs": 60_000},
}


def main() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        frame = json.loads(line)
        if "id" not in frame:
            continue
        reply = {"jsonrpc": "2.0", "id": frame["id"]}
        found = RESULTS.get(frame["method"])
        error = {"code": -32601, "message": "no such method"}
        reply |= {"error": error} if found is None else {"result": found}
        print(json.dumps(reply), flush=True)  # noqa: T201  stdout is its wire


if __name__ == "__main__":
    main()
