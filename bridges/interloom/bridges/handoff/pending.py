"""A tool call as its journal row has it. No I/O.

The body of a row is JSON:

    INTENDED, INPUT_REQUIRED,  {"call": {...}, "responses": {...} | null, "doubts": int}
    IN_DOUBT
    DONE                       {"result": {...}}           the `CallToolResult`, as sent
    ERROR                      {"error": str}              our own words

`call` holds the server's `requestState` byte for byte; the row is never shown to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import orjson

from interloom.bridges.mcp.core.rounds import Call, Send
from interloom.runtime.ledger.rows import CallRow, CallState
from interloom.runtime.values import JsonObject


@dataclass(frozen=True, slots=True)
class Pending:
    """A call that has no outcome yet.

    Attributes:
        call: Where its rounds stand.
        responses: The answers its next request carries; None before the first question.
        doubts: How often somebody said to send this request again: each time is asked anew.
    """

    call: Call
    responses: JsonObject | None = None
    doubts: int = 0

    def send(self) -> Send:
        """The next request."""
        return self.call.send() if self.responses is None else self.call.answer(self.responses)

    def row(self, task_id: str, key: str, state: CallState) -> CallRow:
        """The row that remembers it."""
        saved = {"call": self.call.dump(), "responses": self.responses, "doubts": self.doubts}
        body = orjson.dumps(saved)
        return CallRow(task_id, key, state, body)


def read_pending(row: CallRow) -> Pending:
    """The call of a row that has no outcome."""
    saved = orjson.loads(row.body)
    return Pending(Call.load(saved["call"]), saved["responses"], saved["doubts"])


def done(task_id: str, key: str, result: JsonObject) -> CallRow:
    """The row of a call that was answered."""
    return CallRow(task_id, key, CallState.DONE, orjson.dumps({"result": result}))


def read_result(row: CallRow) -> JsonObject:
    """The result of a row that is DONE."""
    return cast("JsonObject", orjson.loads(row.body)["result"])


def failed(task_id: str, key: str, reason: str) -> CallRow:
    """The row of a call that came to nothing."""
    return CallRow(task_id, key, CallState.ERROR, orjson.dumps({"error": reason}))


def read_reason(row: CallRow) -> str:
    """Why a row is ERROR."""
    return cast("str", orjson.loads(row.body)["error"])
