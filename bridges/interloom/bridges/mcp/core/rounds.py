"""Multi-round-trip requests as a value you can save. No I/O.

Source: MCP 2026-07-28, basic/patterns/mrtr; client/elicitation for what may be asked.

A `Call` is plain data. Feed it a result and it says what to do next:

    Send    put this request on the wire; every round has a fresh id
    Ask     get these answers from somebody, then `call.answer(...)`
    Created the server made a task of it, which is another value to follow: see `tasks`
    Done    here is the final result

Because a `Call` is data and not a suspended coroutine, an agent can store it while an A2A task
sits in INPUT_REQUIRED, and a different process can go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias, get_args

from interloom.bridges.mcp.core.asks import InputRequest, check_responses, read_input_requests
from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.bridges.mcp.core.errors import BadResult, RoundsExceeded, StateTooLarge, clip
from interloom.bridges.mcp.core.task_view import TaskView, read_task
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

MAX_ROUNDS: Final = 10
"""Rounds of questions before a server that keeps asking is treated as broken; ours."""

MAX_WAITS: Final = 720
"""Rounds that ask nothing before a server that is never done is treated as broken; ours.

More than an hour, with the pauses that a call makes between them.
"""

MAX_STATE_BYTES: Final = 256 * 1024
"""Bytes of a `requestState` we are willing to store and send back; ours."""

FORMAT: Final = 1
"""Version of what `dump` writes."""

Method: TypeAlias = Literal["tools/call", "prompts/get", "resources/read"]
"""The methods that may be answered with `input_required`."""

EVERYTHING: Final = Capabilities(sampling=True, roots=True, tasks=True)
"""All that we may declare."""

TASK_METHODS: Final = frozenset({"tools/call"})
"""What may be answered with a task (Tasks extension, "Supported Methods")."""

_METHODS: Final[dict[str, Method]] = {name: name for name in get_args(Method)}
_RESERVED: Final = ("inputResponses", "requestState")


@dataclass(frozen=True, slots=True)
class Send:
    """Put `params` on the wire as the params of `method`."""

    method: Method
    params: JsonObject


@dataclass(frozen=True, slots=True)
class Ask:
    """The server wants these inputs, by its own opaque keys.

    No request at all means that the server only wants the call again, with its state: wait a
    little and `answer({})`.
    """

    requests: Mapping[str, InputRequest]


@dataclass(frozen=True, slots=True)
class Done:
    """The final result, `resultType: complete`."""

    result: JsonObject


@dataclass(frozen=True, slots=True)
class Created:
    """The server will answer later, through a task: follow `RemoteTask.begun(call, seed)`."""

    seed: TaskView


Step: TypeAlias = Ask | Created | Done
"""What follows from a result."""


@dataclass(frozen=True, slots=True)
class Call:
    """One logical MCP call, however many wire requests it takes.

    Attributes:
        server: Our name for the server, for error messages.
        method: What is called.
        params: The caller's params, without `inputResponses` or `requestState`.
        state: The server's latest `requestState`, byte for byte, or None; never shown to anybody.
        rounds: Rounds so far, which tell the requests of a call apart.
        waits: Those of them that asked nothing (0..MAX_WAITS); the others are 0..MAX_ROUNDS.
        asked: The `inputRequests` that wait for an answer, as sent; None when none wait.

    Raises:
        LocalError: `params` holds a key that belongs to the rounds, or `method` has no rounds.
    """

    server: str
    method: Method
    params: JsonObject
    state: str | None = field(default=None, repr=False)
    rounds: int = 0
    waits: int = 0
    asked: JsonObject | None = None

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise LocalError(f"a call is one of {', '.join(_METHODS)}")
        for key in _RESERVED:
            if key in self.params:
                raise LocalError(f"params.{key} belongs to the rounds of a call, not to its caller")

    def send(self) -> Send:
        """The first request.

        Raises:
            LocalError: A question waits; `answer` it instead.
        """
        if self.asked is not None:
            raise LocalError(f"{self.method} waits for answers and cannot start again")
        return Send(self.method, self.params)

    def receive(
        self, result: JsonObject, *, declared: Capabilities = EVERYTHING
    ) -> tuple[Call, Step]:
        """Take one wire result.

        Args:
            result: The result object of the response.
            declared: What the request said we can do; anything else may not be asked.

        Raises:
            BadResult: `resultType` is unknown, or a task where none was offered, or the result
                breaks a rule of its pattern.
            RoundsExceeded: The server asked once too often.
            StateTooLarge: Its `requestState` is over the cap.
            UndeclaredInput: It asks for what was not declared.
        """
        match result.get("resultType", "complete"):
            case "complete":
                return self._finished(), Done(result)
            case "input_required":
                return self._take_round(result, declared)
            case "task" if declared.tasks and self.method in TASK_METHODS:
                seed = read_task(result, server=self.server, method=self.method, is_seed=True)
                return self._finished(), Created(seed)
            case str(kind):
                raise self._bad(f"resultType {clip(kind)!r} is not one we know")
            case _:
                raise self._bad("resultType must be a string")

    def answer(self, responses: JsonObject) -> Send:
        """The retry that carries `responses` and echoes the server's state.

        Args:
            responses: `{key: result}`, one for every request asked: what an elicitation came to
                (`{"action": "accept" | "decline" | "cancel", "content"?: {...}}`), the message a
                model wrote, the roots.

        Raises:
            LocalError: Nothing waits, the keys are not those asked, or a response is malformed.
        """
        if self.asked is None:
            raise LocalError(f"{self.method} waits for no answer")
        check_responses(self.asked, responses)
        params: dict[str, Json] = dict(self.params)
        if responses:
            params["inputResponses"] = dict(responses)
        if self.state is not None:
            params["requestState"] = self.state
        return Send(self.method, params)

    def pending(self) -> Ask | None:
        """The question that waits, as `receive` gave it; None when none waits."""
        if self.asked is None:
            return None
        return Ask(self._read_requests(self.asked, EVERYTHING))

    def dump(self) -> JsonObject:
        """The call as JSON; `load` gives it back, byte for byte."""
        return {
            "v": FORMAT,
            "server": self.server,
            "method": self.method,
            "params": self.params,
            "state": self.state,
            "rounds": self.rounds,
            "waits": self.waits,
            "asked": self.asked,
        }

    @classmethod
    def load(cls, saved: JsonObject) -> Call:
        """The call that `dump` wrote.

        Raises:
            LocalError: It was written by another format, or is damaged.
        """
        if saved.get("v") != FORMAT:
            raise LocalError(f"a saved call of format {FORMAT} is needed")
        match saved:
            case {
                "server": str(server),
                "method": str(method),
                "params": Mapping() as params,
                "state": str() | None as state,
                "rounds": int(rounds),
                "waits": int(waits),
                "asked": Mapping() | None as asked,
            } if method in _METHODS:
                return cls(server, _METHODS[method], params, state, rounds, waits, asked)
            case _:
                raise LocalError("a saved call is damaged")

    def _finished(self) -> Call:
        # Most calls ask nothing, and then there is nothing to clear.
        if self.rounds == 0:
            return self
        return replace(self, state=None, asked=None)

    def _take_round(self, result: JsonObject, declared: Capabilities) -> tuple[Call, Ask]:
        # null is read as absent: a server that writes its empty fields means no more than that.
        state, asked = result.get("requestState"), result.get("inputRequests")
        if not (state is None or isinstance(state, str)):
            raise self._bad("requestState must be a string")
        if not (asked is None or isinstance(asked, Mapping)):
            raise self._bad("inputRequests must be an object")
        if state is None and not asked:
            raise self._bad("input_required needs inputRequests or requestState")
        if state is not None and len(state.encode()) > MAX_STATE_BYTES:
            rule = f"requestState is over {MAX_STATE_BYTES} bytes"
            raise StateTooLarge(self.server, self.method, rule)
        asked = asked or {}
        waits = self._count_round(is_wait=not asked)
        requests = self._read_requests(asked, declared)
        more = replace(self, state=state, rounds=self.rounds + 1, waits=waits, asked=asked)
        return more, Ask(requests)

    def _count_round(self, *, is_wait: bool) -> int:
        """The rounds that asked nothing, one more included."""
        if is_wait and self.waits >= MAX_WAITS:
            rule = f"is not done after {MAX_WAITS} rounds that asked nothing"
            raise RoundsExceeded(self.server, self.method, rule)
        if not is_wait and self.rounds - self.waits >= MAX_ROUNDS:
            rule = f"asks for more input after {MAX_ROUNDS} rounds"
            raise RoundsExceeded(self.server, self.method, rule)
        return self.waits + is_wait

    def _read_requests(self, asked: JsonObject, declared: Capabilities) -> dict[str, InputRequest]:
        return read_input_requests(asked, declared, server=self.server, method=self.method)

    def _bad(self, rule: str) -> BadResult:
        return BadResult(self.server, self.method, rule)
