"""`interloom tasks`: list, show, answer and cancel an agent's tasks."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import anyio
import click
import orjson

from interloom.apps import options
from interloom.apps.connect import Address, connected
from interloom.apps.conversation import Manner, converse, message_to
from interloom.apps.failures import told
from interloom.apps.questions import (
    answer_command,
    data_answer,
    from_object,
    from_pairs,
    open_questions,
    text_answer,
    text_parts,
)
from interloom.apps.terminal import ExitCode, Failure, Terminal, emit, emit_json, say
from interloom.apps.view import STATE_WORDS, message_text, readable
from interloom.runtime.client import A2AClient
from interloom.runtime.core.machine import INTERRUPTED
from interloom.runtime.core.questions import Question, Response
from interloom.runtime.model import ListTasksRequest, Part, Task, TaskState
from interloom.runtime.values import Json, JsonObject

Answered = TypeVar("Answered")

TIMEOUT_S = 60.0
"""Seconds a command may take that does not wait for the agent's work."""

STATES = {state.name.lower().replace("_", "-"): state for state in list(TaskState)[1:]}
"""States as an option takes them: `input-required`."""


@click.group()
def tasks() -> None:
    """List, show, answer and cancel an agent's tasks."""


@tasks.command("list")
@options.agent
@options.url
@options.binding
@click.option("--state", type=click.Choice(list(STATES)), help="Only tasks in this state.")
@click.option("--context", "context_id", default="", help="Only tasks of this conversation.")
@click.option("--limit", type=click.IntRange(1, 100), default=50, show_default=True)
@click.option("--page", "page_token", default="", help="Token of the next page.")
@options.output
def list_tasks(  # noqa: PLR0913 - one parameter an option, which is click's way
    *,
    agent: str,
    url: str,
    binding: str | None,
    state: str | None,
    context_id: str,
    limit: int,
    page_token: str,
    output: str,
) -> None:
    """List the tasks of an agent, latest news first."""
    request = ListTasksRequest(
        context_id=context_id,
        status=STATES[state] if state else TaskState.UNSPECIFIED,
        page_size=limit,
        page_token=page_token,
    )
    page = _ask(Address(url, agent, binding or ""), lambda client: client.list(request))
    if output == "json":
        emit_json(page.to_json())
        return
    width = max((len(task.id) for task in page.tasks), default=0)
    for task in page.tasks:
        emit(f"{task.id:<{width}}  {STATE_WORDS[task.status.state]:<14}  {_line(task)}".rstrip())
    say(f"{len(page.tasks)} of {page.total_size} tasks")
    if page.next_page_token:
        say(f"more: --page {page.next_page_token}")


@tasks.command("get")
@click.argument("task_id", metavar="TASK")
@options.agent
@options.url
@options.binding
@options.output
def get_task(*, task_id: str, agent: str, url: str, binding: str | None, output: str) -> None:
    """Show a task: its state, what it says, what it made."""
    address = Address(url, agent, binding or "")
    task = _ask(address, lambda client: client.get(task_id))
    if output == "json":
        emit_json(task.to_json())
        return
    _show(task)
    if task.status.state in INTERRUPTED:
        say(f"to go on: {answer_command(task, address.options)}")


@tasks.command("cancel")
@click.argument("task_id", metavar="TASK")
@options.agent
@options.url
@options.binding
@options.output
def cancel_task(*, task_id: str, agent: str, url: str, binding: str | None, output: str) -> None:
    """Ask the agent to stop working on a task."""
    task = _ask(Address(url, agent, binding or ""), lambda client: client.cancel(task_id))
    if output == "json":
        emit_json(task.to_json())
    else:
        emit(f"{task.id}  {STATE_WORDS[task.status.state]}")


@tasks.command("answer")
@click.argument("task_id", metavar="TASK")
@click.argument("text", required=False)
@click.option("--set", "pairs", multiple=True, metavar="FIELD=VALUE", help="Answer one field.")
@click.option("--json", "content", metavar="OBJECT", help="Answer with a JSON object.")
@click.option("--decline", is_flag=True, help="Refuse to answer.")
@options.agent
@options.url
@options.binding
@options.wait
@options.timeout
@options.output
@click.pass_context
def answer_task(  # noqa: PLR0913 - one parameter an option, which is click's way
    ctx: click.Context,
    *,
    task_id: str,
    text: str | None,
    pairs: tuple[str, ...],
    content: str | None,
    decline: bool,
    agent: str,
    url: str,
    binding: str | None,
    wait: bool,
    timeout_s: float,
    output: str,
) -> None:
    """Answer what a TASK asks and follow it on.

    Give one of TEXT (- reads it from stdin), --set, --json or --decline. With several questions
    open, --set takes QUESTION.FIELD=VALUE and --json takes {QUESTION: {FIELD: VALUE}}. A page that
    was to be opened has no fields: TEXT is done, and its --json is {}.
    """
    if [text is not None, bool(pairs), content is not None, decline].count(True) != 1:
        raise click.UsageError("give exactly one of TEXT, --set, --json and --decline", ctx)
    address = Address(url, agent, binding or "")
    if text is not None:
        part = _words(text, ctx)
    else:
        parsed = _object(content) if content is not None else None
        waiting = _ask(address, lambda client: client.get(task_id))
        with told():
            part = data_answer(_responses(_questions(waiting), pairs, parsed))
    converse(
        address,
        message_to(part, task_id=task_id),
        Manner(timeout_s=timeout_s, wait=wait, as_json=output == "json"),
        ctx.ensure_object(Terminal),
    )


def _ask(address: Address, request: Callable[[A2AClient], Awaitable[Answered]]) -> Answered:
    """One request and its answer, on an event loop of its own.

    Raises:
        Failure: There was no good answer in time.
    """
    with told():
        return anyio.run(partial(_answered, address, request))


async def _answered(
    address: Address, request: Callable[[A2AClient], Awaitable[Answered]]
) -> Answered:
    try:
        with anyio.fail_after(TIMEOUT_S):
            async with connected(address) as client:
                return await request(client)
    except TimeoutError:
        said = f"no answer within {TIMEOUT_S:g} s"
        raise Failure(ExitCode.TIMEOUT, "TIMEOUT", said, retryable=True) from None


def _words(text: str, ctx: click.Context) -> Part:
    words = sys.stdin.read() if text == "-" else text
    if not words.strip():
        raise click.UsageError("TEXT is empty", ctx)
    return text_answer(words)


def _object(content: str) -> JsonObject:
    try:
        value: Json = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise click.BadParameter("not JSON", param_hint="--json") from None
    if not isinstance(value, dict):
        raise click.BadParameter("not a JSON object", param_hint="--json")
    return value


def _questions(task: Task) -> Sequence[Question]:
    """The open questions of a task that has some.

    Raises:
        Failure: The task waits for no structured answer.
    """
    if task.status.state not in INTERRUPTED:
        state = STATE_WORDS[task.status.state]
        said = f"task {task.id} asks nothing: {state}"
        raise Failure(ExitCode.USAGE, "NOT_WAITING", said)
    questions = open_questions(task)
    if not questions:
        said = f"task {task.id} asks in plain words"
        raise Failure(ExitCode.USAGE, "NO_FIELDS", said, hint="answer with TEXT")
    return questions


def _responses(
    questions: Sequence[Question], pairs: Sequence[str], parsed: JsonObject | None
) -> dict[str, Response]:
    if parsed is not None:
        return from_object(questions, parsed)
    if pairs:
        return from_pairs(questions, pairs)
    return {question.name: Response("decline") for question in questions}


def _line(task: Task) -> str:
    """When a task last moved and the first line of what it says."""
    moved = task.status.timestamp
    said = text_parts(task.status.message).partition("\n")[0]
    return f"{moved:%Y-%m-%d %H:%M:%S}  {said}" if moved is not None else said


def _show(task: Task) -> None:
    said = task.status.message
    rows = {
        "task": task.id,
        "context": task.context_id,
        "state": STATE_WORDS[task.status.state],
        "since": task.status.timestamp.isoformat() if task.status.timestamp else "",
        # The data part of a question repeats its text for programs.
        "says": text_parts(said) or (message_text(said) if said is not None else ""),
    }
    for label, value in rows.items():
        if value:
            emit(f"{label + ':':<9}" + value.rstrip().replace("\n", "\n" + " " * 9))
    for artifact in task.artifacts:
        emit(f"\n--- {artifact.name or artifact.artifact_id}")
        emit("".join(readable(part) for part in artifact.parts).rstrip("\n"))
