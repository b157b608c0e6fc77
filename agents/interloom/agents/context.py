"""What an author's function is given."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final, TypeVar, cast

import orjson

from interloom.agents.results import parts
from interloom.bridges.delegation import NOBODY, Delegated, Peers
from interloom.bridges.handoff import Catalogue, Toolbox
from interloom.bridges.mcp.core.prompts import PromptResult
from interloom.bridges.mcp.core.resources import Contents
from interloom.bridges.mcp.core.tools import Tool, ToolResult
from interloom.runtime.core.forms import check_form
from interloom.runtime.core.questions import Question
from interloom.runtime.core.record import Product
from interloom.runtime.engine.asking import Overdue
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.side_by_side import side_by_side
from interloom.runtime.errors import AgentFailed, AgentRejected, LocalError
from interloom.runtime.model import Artifact, Message, Part, Task, decode
from interloom.runtime.values import Json, JsonObject

T = TypeVar("T")

FIELD: Final = "answer"
"""Name of the one field of a question whose schema is not an object's."""
_TEXT: Final[JsonObject] = {"type": "string"}


class Declined(AgentRejected):
    """The caller declined a question of the agent; uncaught, the task becomes REJECTED."""

    code = "DECLINED"


class Unanswered(AgentFailed):
    """The caller did not answer in time; uncaught, the task becomes FAILED."""

    code = "UNANSWERED"


class Context:
    """One task, as its agent sees it.

    Everything durable goes through here. Calls of one kind are told apart by their order, so the
    function must reach the same calls in the same order when it is run again.

    What is to happen side by side goes through `gather`. Its branches are told apart by their
    places, so order counts within each branch only; tasks begun in other ways share one order,
    which nobody keeps for them.

    A question must be the same, word for word, when it is asked again; else its answer could be
    taken for another's, so the task fails.
    """

    def __init__(self, task: TaskContext, toolbox: Toolbox, peers: Peers = NOBODY) -> None:
        self._task, self._toolbox, self._peers = task, toolbox, peers

    @property
    def text(self) -> str:
        """The text of the message that began the task."""
        return self._task.text

    @property
    def message(self) -> Message:
        """The message that began the task, whole."""
        return self._task.message

    @property
    def accepted_output_modes(self) -> tuple[str, ...]:
        """Media types the caller takes, ranges such as `image/*` among them; empty for any."""
        return self._task.accepted_output_modes

    async def referenced(self) -> tuple[Task, ...]:
        """The caller's earlier tasks that the first message refers to, as they were when asked."""

        async def read() -> Json:
            return [orjson.loads(task) for task in await self._task.referenced()]

        stored = cast("list[JsonObject]", await self._task.step("referenced", read))
        return tuple(decode(Task, task) for task in stored)

    async def history(self) -> tuple[Message, ...]:
        """The conversation so far, as it was when asked: what the caller said, and was asked.

        A caller may say more while the agent works; that is how to hear it.
        """

        async def read() -> Json:
            task: JsonObject = orjson.loads(await self._task.as_it_stands())
            return task.get("history", [])

        stored = cast("list[JsonObject]", await self._task.step(self._task.key("history"), read))
        return tuple(decode(Message, message) for message in stored)

    @property
    def task_id(self) -> str:
        """The A2A task id; the same on every run, so it may key things outside."""
        return self._task.task_id

    @property
    def context_id(self) -> str:
        """The conversation the task belongs to."""
        return self._task.context_id

    @property
    def trace_id(self) -> str:
        """The W3C trace id of the task, 32 hex digits."""
        return self._task.trace.trace_id

    async def tool(
        self,
        server: str,
        name: str,
        arguments: Mapping[str, Json] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> ToolResult:
        """Call a tool; its questions go to the caller, and days may pass.

        Args:
            server: The agent's name for the tool server.
            name: The tool.
            arguments: What it is given, the same each time the function is run.
            timeout_s: Seconds the server may take each time it is asked, an hour at most; None
                for what the configuration says. People take as long as they like.

        Returns:
            The result; a tool's own failure is a result too, see `ToolResult.is_error`.

        Raises:
            ToolUnanswered: There is no answer, or nobody knows whether the call took effect.
            ToolFailed: The server broke the protocol or answered an error.
        """
        given = dict(arguments or {})
        return await self._toolbox.call(self._task, server, name, given, timeout_s=timeout_s)

    async def prompt(
        self,
        server: str,
        name: str,
        arguments: Mapping[str, str] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> PromptResult:
        """Get a prompt of a tool server; its questions go to the caller, and days may pass.

        Args:
            server: The agent's name for the tool server.
            name: The prompt.
            arguments: Texts, the same each time the function is run.
            timeout_s: As for `tool`.

        Returns:
            Its messages, for a model; the same each time the function is run.

        Raises:
            ToolUnanswered: There is no answer.
            ToolFailed: The server has no such prompt (-32602), or broke the protocol.
        """
        given = dict(arguments or {})
        return await self._toolbox.prompt(self._task, server, name, given, timeout_s=timeout_s)

    async def resource(
        self, server: str, uri: str, *, timeout_s: float | None = None
    ) -> tuple[Contents, ...]:
        """Read a resource of a tool server; its questions go to the caller, and days may pass.

        Args:
            server: The agent's name for the tool server.
            uri: The resource, the same each time the function is run; the server alone opens it.
            timeout_s: As for `tool`.

        Returns:
            What it holds, in parts; the same each time the function is run.

        Raises:
            ToolUnanswered: There is no answer.
            ToolFailed: The server has no such resource (-32602, before 2026-07-28 -32002), or broke
                the protocol.
        """
        return await self._toolbox.resource(self._task, server, uri, timeout_s=timeout_s)

    async def tools(self, server: str) -> tuple[Tool, ...]:
        """What a tool server offers."""
        return await self._toolbox.tools(server, owner=self._task.owner)

    async def catalogue(self) -> Catalogue:
        """What all tool servers offer, under names that cannot collide; for a model to choose from.

        A server that does not say is named, and takes no other along.
        """
        return await self._toolbox.catalogue(owner=self._task.owner)

    async def delegate(self, peer: str, what: Json | Part | tuple[Part, ...]) -> Delegated:
        """Hand work to another agent; its questions go to the caller, and days may pass.

        Args:
            peer: Its name.
            what: Text, JSON, a part or several, the same each time the function is run.

        Returns:
            What it made.

        Raises:
            DelegationFailed: It failed, rejected the work, was canceled, or broke the protocol.
            DelegationUnanswered: There is no answer, or nobody knows whether it was asked.
            LocalError: There is no such peer, or agents have called agents too often.
        """
        return await self._peers.delegate(self._task, peer, parts(what))

    async def step(self, key: str, work: Callable[[], Awaitable[Json]]) -> Json:
        """Do something once: its result is stored, and given back when the function runs again.

        Args:
            key: Names the step, unique in the task or in its branch of `gather`: `price/eur`.
            work: An async function without arguments. It may run again if it was interrupted
                before its result was stored.

        Raises:
            LocalError: The result is not JSON.
        """
        return await self._task.step(f"step/{key}", work)

    async def ask(
        self,
        question: str,
        schema: Mapping[str, Json] | None = None,
        *,
        within: float | timedelta | None = None,
    ) -> Json:
        """Ask the caller and wait for the answer, for days if need be.

        A question that is given up (a cancellation, a failure beside it) is withdrawn, and put anew
        when the function is run again and gets there. A time limit around it lives in memory, so
        one that is longer than a waiting run is kept there (20 s) is not kept; `within` is.

        Args:
            question: For a person; the same each time the function is run.
            schema: JSON Schema of the answer: of one value (`{"type": "integer"}`), or of an
                object with flat properties, within what `interloom.runtime.core.forms` takes. Text
                when None.
            within: Seconds, or a span, until the question is withdrawn for good: across restarts,
                by the store's clock, from when it was first put.

        Returns:
            The answer, checked: the value, or the object.

        Raises:
            Declined: The caller declined.
            Unanswered: No answer came within that time, and none counts any more.
            LocalError: The schema is no flat form, or something else was asked here before.
        """
        wanted = dict(schema or _TEXT)
        single = wanted.get("type") != "object"
        form: dict[str, Json] = wanted
        if single:
            form = {"type": "object", "properties": {FIELD: wanted}, "required": [FIELD]}
        check_form(form)
        key, limit_s = self._task.key("ask"), None if within is None else _seconds(within)
        asked = [Question("question", question, form)]
        try:
            (response,) = await self._task.ask(key, asked, within_s=limit_s)
        except Overdue:
            raise Unanswered("The caller did not answer in time.") from None
        if response.action != "accept" or response.content is None:
            raise Declined("The caller declined to answer.")
        return response.content[FIELD] if single else response.content

    async def sleep(self, span: float | timedelta) -> None:
        """Let a time pass, for days if need be: nothing of the agent stays in memory meanwhile.

        It is counted from when the function first got here, by the store's clock, and ends across
        restarts, on whichever process is there.

        Args:
            span: Seconds, or a span; nothing happens when it is not over zero.

        Raises:
            LocalError: It is no number of seconds.
        """
        await self._task.sleep(self._task.key("sleep"), _seconds(span))

    async def sleep_until(self, moment: datetime) -> None:
        """Let time pass until a moment; see `sleep`. What counts is the first moment given here.

        Raises:
            LocalError: It has no time zone.
        """
        if moment.tzinfo is None:
            raise LocalError("sleep_until: the moment has no time zone")
        left_s = await self._task.seconds_until(moment)
        await self._task.sleep(self._task.key("sleep"), left_s)

    async def status(self, text: str) -> None:
        """Tell the caller how it goes; the task stays WORKING."""
        await self._task.status(text)

    async def artifact(
        self,
        value: Json | Part | tuple[Part, ...],
        *,
        name: str = "",
        append: bool = False,
        last: bool = True,
    ) -> None:
        """Give the caller a result before the end, or a piece of one.

        Args:
            value: Text, JSON, a part or several: `Part(raw=…)` and `Part(url=…)` are files.
            name: Names the artifact; pieces with one name belong together.
            append: Add to what the artifact has, instead of replacing it.
            last: No further piece follows.
        """
        artifact = Artifact(artifact_id=name or "artifact", name=name, parts=parts(value))
        await self._task.artifact(Product.of(artifact), append=append, last_chunk=last)

    async def stream(self, name: str, source: Callable[[], AsyncIterable[str]]) -> str:
        """Give the caller text while it is being made, say by a model, as an artifact.

        The whole is remembered like the result of a step. When it was interrupted, or failed,
        `source` is called again with the rest of the code, and what it gives takes the place of
        what the caller had.

        Args:
            name: Names the artifact.
            source: Gives the text in pieces, however small: some ten times a second, what has come
                is stored and sent as one. Closed when nobody listens any more, if it has `aclose`.

        Returns:
            The whole text.

        Raises:
            LocalError: It gives no text, or more than fits; another text of the name is under way.
        """
        if not name:
            raise LocalError("stream: the artifact must have a name")
        return await self._task.stream(name, source)

    async def gather(self, *work: Coroutine[Any, Any, T]) -> list[T]:
        """Do things side by side; when one fails, the others are cancelled.

        Each is a branch of its own: which of them gets ahead may differ from run to run.

        Returns:
            Their results, in the order given.

        Raises:
            Exception: What the one that failed raised, as it was.
            ExceptionGroup: Several failed, because others raised while they were being cancelled;
                it holds what each of them raised.
        """
        fork, results = self._task.fork(), dict[int, T]()

        async def do(place: int, each: Coroutine[Any, Any, T]) -> None:
            with self._task.branch(f"{fork}.{place}"):
                results[place] = await each

        with self._task.joining():
            async with side_by_side() as group:
                for place, each in enumerate(work, 1):
                    group.start_soon(do, place, each)
        return [results[place] for place in sorted(results)]


def _seconds(span: float | timedelta) -> float:
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if not isfinite(seconds):
        raise LocalError(f"{seconds} is no number of seconds to wait")
    return seconds
