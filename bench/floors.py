"""The least a server can do and still do the job: bare ASGI, the standard library's json."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bench.raw_mcp import RawMcpClient
from bench.request import STOCK, TEXT
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


def stream(place: Place) -> None:
    """Parse a SendStreamingMessage and answer with four events, each written when it is there."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        call = json.loads(await body_of(receive))
        headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for result in _events(call["params"]["message"]):
            data = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result})
            frame = f"data: {data}\n\n".encode()
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body"})

    on_uvicorn(app, place)


def page(place: Place) -> None:
    """The newest tasks by one index, decoded and encoded; the total is known."""
    store = sqlite3.connect(place.scratch / "floor.db", isolation_level=None)
    store.execute("CREATE TABLE task (id TEXT PRIMARY KEY, at INTEGER, document BLOB NOT NULL)")
    store.execute("CREATE INDEX newest ON task (at DESC, id DESC)")
    message = {"messageId": _TASK_ID, "role": "ROLE_USER", "parts": [{"text": TEXT}]}
    with store:
        store.execute("BEGIN")
        rows = ((f"{n:032}", n, json.dumps(_task(message, message["parts"]))) for n in range(STOCK))
        store.executemany("INSERT INTO task VALUES (?, ?, ?)", rows)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        call = json.loads(await body_of(receive))
        query = "SELECT document FROM task ORDER BY at DESC, id DESC LIMIT ?"
        found = store.execute(query, (call["params"]["pageSize"],)).fetchall()
        result = {"tasks": [json.loads(row[0]) for row in found], "totalSize": STOCK}
        reply = {"jsonrpc": "2.0", "id": call["id"], "result": result}
        await answer_json(send, json.dumps(reply, separators=(",", ":")).encode())

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
    result = {"task": _task(call["params"]["message"], parts)}
    return json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result}).encode()


def _task(message: object, parts: object) -> dict[str, object]:
    return {
        "id": _TASK_ID,
        "contextId": _TASK_ID,
        "status": _status("TASK_STATE_COMPLETED"),
        "artifacts": [{"artifactId": "result", "parts": parts}],
        "history": [message],
    }


def _status(state: str) -> dict[str, str]:
    return {"state": state, "timestamp": "2026-11-22T10:00:00.000Z"}


def _events(message: Mapping[str, Any]) -> Iterator[dict[str, object]]:
    """The stream every target gives: the task, WORKING, one artifact, COMPLETED."""
    ids = {"taskId": _TASK_ID, "contextId": _TASK_ID}
    begun = {"id": _TASK_ID, "contextId": _TASK_ID, "status": _status("TASK_STATE_SUBMITTED")}
    yield {"task": {**begun, "history": [message]}}
    yield {"statusUpdate": {**ids, "status": _status("TASK_STATE_WORKING")}}
    artifact = {"artifactId": "result", "parts": message["parts"]}
    yield {"artifactUpdate": {**ids, "artifact": artifact, "lastChunk": True}}
    yield {"statusUpdate": {**ids, "status": _status("TASK_STATE_COMPLETED")}}
