"""A whole exchange at a terminal: turns with an agent, its questions put to whoever sits there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import anyio
import click

from interloom.apps.connect import Address, connected
from interloom.apps.failures import told
from interloom.apps.follow import Turn
from interloom.apps.prompt import ask
from interloom.apps.questions import answer_command, text_parts
from interloom.apps.terminal import ExitCode, Failure, Pause, Terminal, emit, emit_json
from interloom.apps.view import STATE_WORDS, TaskDisplay, message_text
from interloom.runtime.core.machine import INTERRUPTED, SETTLED
from interloom.runtime.model import Message, Part, Role, SendMessageResponse, Task, TaskState
from interloom.runtime.values import RandomIds


@dataclass(frozen=True, slots=True)
class Manner:
    """How an exchange is to go.

    Attributes:
        timeout_s: Seconds one turn may take.
        wait: False returns as soon as the message is taken.
        as_json: True gives the outcome as one JSON object instead of text.
    """

    timeout_s: float
    wait: bool = True
    as_json: bool = False


def message_to(part: Part, *, task_id: str = "", context_id: str = "") -> Message:
    """A message of the user with a fresh id."""
    return Message(
        message_id=RandomIds().fresh(),
        role=Role.USER,
        parts=(part,),
        task_id=task_id,
        context_id=context_id,
    )


def converse(address: Address, message: Message, manner: Manner, terminal: Terminal) -> None:
    """Send a message, follow its task, put its questions to the person at the terminal.

    Raises:
        Failure: It did not end with a completed task or a message; the exit code says how.
    """
    view = TaskDisplay(quiet=manner.as_json)
    prompts = terminal.is_interactive and manner.wait and not manner.as_json
    answer = _take(Turn(message, view), address, manner)
    while prompts and isinstance(answer, Task) and _asks(answer):
        view.finish_line()
        try:
            part = ask(answer)
        except click.Abort:
            break
        reply = message_to(part, task_id=answer.id, context_id=answer.context_id)
        answer = _take(Turn(reply, view), address, manner)
    view.finish_line()
    _give(answer, manner, view)
    if isinstance(answer, Task) and (manner.wait or answer.status.state in SETTLED):
        check_outcome(answer, address)


def check_outcome(task: Task, address: Address) -> None:
    """Let a settled task that is not completed end the command.

    Raises:
        Pause: The task waits for somebody.
        Failure: The task failed, or was rejected or canceled.
    """
    state, said = task.status.state, text_parts(task.status.message)
    if _asks(task):
        question = said or f"The task waits: {STATE_WORDS[state]}."
        needs_login = state is TaskState.AUTH_REQUIRED
        exit_code = ExitCode.AUTH_REQUIRED if needs_login else ExitCode.PAUSED
        raise Pause(exit_code, state.name, question, hint=answer_command(task, address.options))
    if state is not TaskState.COMPLETED:
        what = f"task {task.id} {STATE_WORDS[state]}"
        raise Failure(
            ExitCode.TASK_FAILED,
            f"TASK_{state.name}",
            f"{what}: {' '.join(said.split())}" if said else what,
            hint=address.command("get", task.id),
        )


def _asks(task: Task) -> bool:
    return task.status.state in INTERRUPTED


def _take(turn: Turn, address: Address, manner: Manner) -> Task | Message:
    """One turn on an event loop of its own, so that prompts in between block nothing."""
    try:
        with told():
            return anyio.run(partial(_turn, turn, address, manner))
    except Failure as failure:
        if turn.task_id:
            failure.hint = f"the task may go on: {address.command('get', turn.task_id)}"
        raise
    except KeyboardInterrupt:
        resume = f"the task goes on: {address.command('get', turn.task_id)}"
        hint = resume if turn.task_id else ""
        raise Failure(ExitCode.INTERRUPTED, "INTERRUPTED", "detached", hint=hint) from None


async def _turn(turn: Turn, address: Address, manner: Manner) -> Task | Message:
    try:
        with anyio.fail_after(manner.timeout_s):
            async with connected(address) as client:
                return await (turn.finish(client) if manner.wait else turn.begin(client))
    except TimeoutError:
        said = f"no outcome within {manner.timeout_s:g} s"
        raise Failure(
            ExitCode.TIMEOUT, "TIMEOUT", said, hint="give it a longer --timeout", retryable=True
        ) from None


def _give(answer: Task | Message, manner: Manner, view: TaskDisplay) -> None:
    """Write to stdout what was not written while it arrived."""
    if manner.as_json:
        is_task = isinstance(answer, Task)
        response = (
            SendMessageResponse(task=answer) if is_task else SendMessageResponse(message=answer)
        )
        emit_json(response.to_json())
    elif isinstance(answer, Message):
        emit(message_text(answer))
    elif not manner.wait:
        emit(answer.id)
    elif answer.status.state is TaskState.COMPLETED and not view.wrote and answer.status.message:
        emit(message_text(answer.status.message))
