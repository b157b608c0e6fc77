"""The least a server can do and still do the job: bare ASGI, the standard library's json."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from bench.raw_mcp import RawMcpClient
from bench.serving import Place, Receive, Scope, Send, answer_json, body_of, on_uvicorn

_TASK_ID: Final = "0" * 32


def echo(place: Place) -> None:
    """Parse a SendMessage and answer with its message."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        call = json.loads(await body_of(receive))
        await answer_json(send, _answered(call, call["params"]["message"]["parts"]))

    on_uvicorn(app, place)


def echo_stored(place: Place) -> None:
    """The same, with the answer on disk before it is sent.

    One row under the message's id in one transaction; WAL, and a sync of the file per commit. It
    blocks the event loop: with one writer and one disk nothing is gained by waiting elsewhere.
    """
    store = sqlite3.connect(place.scratch / "floor.db", isolation_level=None)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute("CREATE TABLE message (id TEXT PRIMARY KEY, document BLOB NOT NULL)")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        call = json.loads(await body_of(receive))
        message = call["params"]["message"]
        answer = _answered(call, message["parts"])
        store.execute("INSERT INTO message VALUES (?, ?)", (message["messageId"], answer))
        await answer_json(send, answer)

    on_uvicorn(app, place)


def bridge(place: Place) -> None:
    """Parse a SendMessage, call one tool with its text, answer with the tool's text."""
    tools = RawMcpClient(place.tools_port)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        call = json.loads(await body_of(receive))
        text = await tools.call(call["params"]["message"]["parts"][0]["text"])
        await answer_json(send, _answered(call, [{"text": text}]))

    on_uvicorn(app, place)


def _answered(call: Mapping[str, Any], parts: object) -> bytes:
    """The reply every target gives: a finished task with its history and one artifact."""
    task = {
        "id": _TASK_ID,
        "contextId": _TASK_ID,
        "status": {"state": "TASK_STATE_COMPLETED", "timestamp": "2026-11-22T10:00:00.000Z"},
        "artifacts": [{"artifactId": "result", "parts": parts}],
        "history": [call["params"]["message"]],
    }
    return json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": {"task": task}}).encode()
