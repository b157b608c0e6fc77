"""A call as its journal row has it: of a tool, or for a prompt or a resource. No I/O.

The body of a row is JSON:

    INTENDED, POSTPONED,        {"made": {...}, "call": {...}, "responses": {...} | null,
    INPUT_REQUIRED, IN_DOUBT     "doubts": int, "lost": int, "reason": str, "promises": [str, …],
                                 "opened": int, "refused": bool, "kept": {...} | null}
    REMOTE_TASK,                {"made": {...}, "remote": {...}}    a task of the server's, with its
    INPUT_REQUIRED                                                  id; it may wait for answers, too
    DONE                        {"made": {...}, "result": {...}}    the final result, as sent
    ERROR                       {"made": {...}, "error": {...}}     see `failures`

`made` says which call it is; `call` holds the server's `requestState` byte for byte. The row is
never shown to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, NamedTuple, cast

import orjson

from interloom.bridges.handoff.failures import Failure, dump_failure, load_failure
from interloom.bridges.handoff.recovery import NO_PROMISES, Promises
from interloom.bridges.mcp.core.rounds import Call, Method, Send
from interloom.bridges.mcp.core.tasks import RemoteTask
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.rows import CallRow, CallState
from interloom.runtime.values import JsonObject


class PathChanged(LocalError):
    """An agent's code, run again, makes another call than the one its journal has there."""

    code = "PATH_CHANGED"


class Made(NamedTuple):
    """Which call an agent's code makes under a key.

    Attributes:
        task_id: The task.
        key: `tool/<server>.<tool>/<n>`, `prompt/<server>.<prompt>/<n>`, `resource/<server>/<n>`.
        server: The agent's name for the server.
        tool: The tool; or the prompt's name, or the resource's URI.
        arguments: SHA-256 of the arguments as JSON with sorted keys, hexadecimal.
        method: Which of them it is; the key says it too.
    """

    task_id: str
    key: str
    server: str
    tool: str
    arguments: str
    method: Method = "tools/call"

    @property
    def is_tool(self) -> bool:
        """True for a tool, false for what is only read."""
        return self.method == "tools/call"

    def row(self, state: CallState, body: JsonObject) -> CallRow:
        """A row of this call."""
        made: JsonObject = {"server": self.server, "tool": self.tool, "arguments": self.arguments}
        return CallRow(self.task_id, self.key, state, orjson.dumps({"made": made, **body}))

    def check(self, row: CallRow) -> JsonObject:
        """The body of the row under this key.

        Raises:
            PathChanged: It is the row of another call. Its result is not this one's, whatever
                state it is in.
        """
        body: JsonObject = orjson.loads(row.body)
        was = cast("JsonObject", body["made"])
        if (was["server"], was["tool"]) != (self.server, self.tool):
            raise PathChanged(_changed(self.key, _OTHERS[self.method]))
        if was["arguments"] != self.arguments:
            raise PathChanged(_changed(self.key, "the arguments were others"))
        return body


_OTHERS: Final[dict[Method, str]] = {
    "tools/call": "another tool was called",
    "prompts/get": "another prompt was asked for",
    "resources/read": "another resource was read",
}


def _changed(key: str, what: str) -> str:
    return (
        f"{key}: {what} before: the agent's code took another path than the first time."
        " What may differ from run to run belongs into a step."
    )


def digest(arguments: JsonObject) -> str:
    """What `Made.arguments` holds.

    Raises:
        LocalError: They are not JSON.
    """
    try:
        return sha256(orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except orjson.JSONEncodeError as error:
        raise LocalError(f"the arguments of a tool call are not JSON: {error}") from None


@dataclass(frozen=True, slots=True)
class Pending:
    """A call that has no outcome yet.

    Attributes:
        call: Where its rounds stand.
        responses: The answers its next request carries; None before the first question.
        doubts: How often it was uncertain what became of this request, or what was to become of it.
        reason: Why the last answer to the question about that was none; empty at first.
        promises: What its server said of the tool when the call was first intended.
        lost: How often an answer to this request was lost to a process that lived on.
        opened: How often the call was begun anew, because its server had forgotten it.
        refused: The server does not take this request any more; only a call begun anew could do.
        kept: The questions and answers before that, `{"asked": …, "responses": …}`.
    """

    call: Call
    responses: JsonObject | None = None
    doubts: int = 0
    reason: str = ""
    promises: Promises = NO_PROMISES
    lost: int = 0
    opened: int = 0
    refused: bool = False
    kept: JsonObject | None = None

    @property
    def round(self) -> str:
        """Names the round within the call; no other round of it has the name."""
        rounds = self.call.rounds
        return f"{self.opened}.{rounds}" if self.opened else str(rounds)

    def send(self) -> Send:
        """The next request."""
        return self.call.send() if self.responses is None else self.call.answer(self.responses)

    def then(self, call: Call, responses: JsonObject | None = None) -> Pending:
        """The call a round later: of its next request nothing is uncertain yet."""
        kept, opened = self.kept, self.opened
        return Pending(call, responses, promises=self.promises, opened=opened, kept=kept)

    def reopen(self) -> Pending:
        """The call begun anew, with what was answered last."""
        call = Call(self.call.server, self.call.method, self.call.params)
        kept: JsonObject | None = self.kept
        if self.responses and self.call.asked:
            kept = {"asked": self.call.asked, "responses": self.responses}
        return Pending(call, promises=self.promises, opened=self.opened + 1, kept=kept)

    def answered_before(self) -> JsonObject | None:
        """The answers to what is asked, where just that was asked and answered before."""
        if self.kept is None or self.kept["asked"] != self.call.asked:
            return None
        return cast("JsonObject", self.kept["responses"])

    def again(self, reason: str = "") -> Pending:
        """The same request, uncertain once more."""
        return replace(self, doubts=self.doubts + 1, reason=reason)

    def lose(self) -> Pending:
        """The same request, whose answer was lost once more."""
        return replace(self.again(), lost=self.lost + 1)

    def row(self, made: Made, state: CallState) -> CallRow:
        """The row that remembers it."""
        saved: JsonObject = {
            "call": self.call.dump(),
            "responses": self.responses,
            "doubts": self.doubts,
            "lost": self.lost,
            "reason": self.reason,
            "opened": self.opened,
            "refused": self.refused,
            "kept": self.kept,
            "promises": [name for name, kept in self.promises._asdict().items() if kept],
        }
        return made.row(state, saved)


def read_pending(body: JsonObject) -> Pending:
    """The call of a row that has no outcome; an older version kept less."""
    promised = cast("list[str]", body.get("promises", []))
    return Pending(
        Call.load(cast("JsonObject", body["call"])),
        cast("JsonObject | None", body["responses"]),
        cast("int", body["doubts"]),
        cast("str", body.get("reason", "")),
        Promises(**dict.fromkeys(promised, True)),
        cast("int", body.get("lost", 0)),
        cast("int", body.get("opened", 0)),
        body.get("refused") is True,
        cast("JsonObject | None", body.get("kept")),
    )


def remote_row(made: Made, remote: RemoteTask, state: CallState) -> CallRow:
    """The row of a call that its server made a task of."""
    return made.row(state, {"remote": remote.dump()})


def read_remote(row: CallRow) -> RemoteTask | None:
    """The server's task in a row, None when the call is none or has an outcome."""
    if row.state not in {CallState.REMOTE_TASK, CallState.INPUT_REQUIRED}:
        return None
    body: JsonObject = orjson.loads(row.body)
    saved = cast("JsonObject | None", body.get("remote"))
    return None if saved is None else RemoteTask.load(saved)


def read_unfinished(row: CallRow) -> RemoteTask | Call | None:
    """What a server may be at work on, or wait with, where nobody of ours is; None for nothing.

    A row whose call is no tool's, but another agent's, has nothing of a server.
    """
    remote = read_remote(row)
    if remote is not None or row.state is not CallState.INPUT_REQUIRED:
        return remote
    body: JsonObject = orjson.loads(row.body)
    return read_pending(body).call if "call" in body else None


def done(made: Made, result: JsonObject) -> CallRow:
    """The row of a call that was answered."""
    return made.row(CallState.DONE, {"result": result})


def failed(made: Made, error: Failure) -> CallRow:
    """The row of a call that came to nothing."""
    return made.row(CallState.ERROR, {"error": dump_failure(error)})


def read_outcome(made: Made, state: CallState, body: JsonObject) -> JsonObject:
    """The result of a row that is DONE.

    Raises:
        ToolFailed | ToolUnanswered | LocalError: It is ERROR: the failure it holds.
    """
    if state is CallState.ERROR:
        saved = cast("JsonObject", body["error"])
        raise load_failure(saved, server=made.server, tool=made.tool)
    return cast("JsonObject", body["result"])
