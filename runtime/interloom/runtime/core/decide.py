"""(record, command) -> events and effects. Every change of a task is decided here.

A decision is made from the record alone, so it is the same on every replica and in every test.
The engine stores the events and the effects' rows in one transaction and acts afterwards.

Source: A2A 1.0.1 sections 3.1.1, 3.1.5, 3.4.2 and 3.4.3; questions and wake-ups are `ours`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, TypeAlias

import orjson

from interloom.runtime.core.answers import NotAnAnswer, match
from interloom.runtime.core.machine import INTERRUPTED, TERMINAL, Move, move
from interloom.runtime.core.questions import (
    MARKER,
    OpenAsk,
    Question,
    Response,
    data_of,
    text_of,
    unanswered,
)
from interloom.runtime.core.record import (
    Chunk,
    Event,
    Product,
    TaskRecord,
    made,
    stamp,
    status_json,
)
from interloom.runtime.errors import LocalError, TaskNotCancelable, UnsupportedOperation
from interloom.runtime.model import Message, Role, TaskState
from interloom.runtime.values import Json


@dataclass(frozen=True, slots=True)
class Start:
    """Run the agent."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Hand the run what it waits for under `key`: one response a question, in the order asked."""

    key: str
    responses: tuple[Response, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """End the run, wherever it is; nobody waits for its result any more."""


Effect: TypeAlias = Start | Wake | Stop

_START = (Start(),)
_STOP = (Stop(),)


class Decision(NamedTuple):
    """What is to be stored and then done.

    Attributes:
        record: The task afterwards; its `seq` is that of the last event below.
        events: In order; may be empty.
        effects: To be carried out once the events are stored.
    """

    record: TaskRecord
    events: tuple[Event, ...]
    effects: tuple[Effect, ...] = ()


def accept(record: TaskRecord, message: Message) -> Decision:
    """Begin a task with its first message: SUBMITTED, then at once WORKING.

    Args:
        record: A new record: state SUBMITTED, seq 0.
        message: The caller's message; it gets the task's ids.
    """
    begun, at = record.state, stamp(record.status_at)
    state = move(begun, Move.STARTED)
    placed = _placed(record, message)
    first = made(Event, (1, "submitted", begun, status_json(begun, at), placed, None))
    second = made(Event, (2, "started", state, status_json(state, at), None, None))
    working = record.moved(state, record.status_at, events=2, asks=())
    return made(Decision, (working, (first, second), _START))


def follow_up(record: TaskRecord, message: Message, *, now: datetime) -> Decision:
    """Take a further message of the caller.

    While questions are open it must answer some of them; a message that does not leaves the task
    waiting and asks again, with the reason. Otherwise it joins the history.

    Raises:
        UnsupportedOperation: The task is in a terminal state.
    """
    if record.state in TERMINAL:
        raise UnsupportedOperation(
            f"the task is {record.state.name} and accepts no further message",
            details={"taskId": record.id},
        )
    placed = _placed(record, message)
    event_id = f"message/{message.message_id}"
    if not unanswered(record.asks):
        how = Move.REPORTED if record.state is TaskState.WORKING else Move.ANSWERED
        return _moved(record, how, now, event_id, cause=placed)
    try:
        asks = match(record.asks, message)
    except NotAnAnswer as refusal:
        return _asking(record, record.asks, now, event_id, reason=str(refusal), cause=placed)
    wakes = tuple(Wake(each.key, each.in_order) for each in asks if not each.unanswered)
    left = tuple(each for each in asks if each.unanswered)
    if left:
        decision = _asking(record, left, now, event_id, cause=placed)
    else:
        decision = _moved(record, Move.ANSWERED, now, event_id, cause=placed)
    return decision._replace(effects=wakes)


def ask(record: TaskRecord, key: str, questions: Sequence[Question], *, now: datetime) -> Decision:
    """Ask the caller something and let the task wait for it.

    Args:
        record: The task.
        key: The key the run waits under; asking twice under one key changes nothing.
        questions: At least one; names already taken by open questions get a suffix.
        now: The present moment.

    Raises:
        IllegalMove: The task is over.
        LocalError: There is no question, so no answer could ever come.
    """
    if not questions:
        raise LocalError(f"{key}: asks nothing")
    if any(each.key == key for each in record.asks):
        return Decision(record, ())
    taken = {question.name for each in record.asks for question in each.questions}
    named = tuple(replace(each, name=_free(each.name, taken)) for each in questions)
    return _asking(record, (*record.asks, OpenAsk(key, named)), now, key)


def withdraw(record: TaskRecord, key: str, *, event_id: str, now: datetime) -> Decision:
    """Take back what was asked under a key: nobody waits for it any more.

    What else is asked is asked on; an ask that is not open, or a task that is over, stays as it is.
    """
    left = tuple(each for each in record.asks if each.key != key)
    if len(left) == len(record.asks):
        return Decision(record, ())
    if left:
        return _asking(record, left, now, event_id)
    return _moved(record, Move.WITHDRAWN, now, event_id)


def report(record: TaskRecord, text: str, *, event_id: str, now: datetime) -> Decision:
    """Show progress; while the task waits for an answer its question stays in view instead.

    Raises:
        IllegalMove: The task is over.
    """
    if record.state in INTERRUPTED:
        return Decision(record, ())
    return _moved(record, Move.REPORTED, now, event_id, says=text)


def produce(
    record: TaskRecord, product: Product, *, event_id: str, append: bool, last_chunk: bool
) -> Decision:
    """Add an artifact, or a chunk to one.

    Raises:
        IllegalMove: The task is over.
    """
    if record.state in TERMINAL:
        move(record.state, Move.REPORTED)
    chunk = Chunk(product.artifact_id, append, last_chunk)
    event = Event(record.seq + 1, event_id, record.state, product.json, None, chunk)
    after = record.moved(record.state, record.status_at, events=1, asks=record.asks)
    return Decision(after, (event,))


def finish(
    record: TaskRecord, products: Sequence[Product], *, now: datetime, says: str = ""
) -> Decision:
    """End well, with the last artifacts and, if any, some words.

    Raises:
        IllegalMove: The task is over already.
    """
    state = move(record.state, Move.FINISHED)
    events = [
        # Not named after the artifact, whose id need not be unique among them.
        made(
            Event,
            (
                record.seq + n,
                f"finished/{n}",
                record.state,
                json,
                None,
                made(Chunk, (name, False, True)),
            ),
        )
        for n, (name, json) in enumerate(products, 1)
    ]
    after = record.moved(state, now, events=len(events) + 1, asks=())
    message = _from_agent(record, "finished", [{"text": _sayable(says)}]) if says else None
    body = status_json(state, stamp(now), message)
    events.append(made(Event, (after.seq, "finished", state, body, None, None)))
    return made(Decision, (after, tuple(events), ()))


def fail(record: TaskRecord, reason: str, *, now: datetime) -> Decision:
    """End badly; the reason is text we wrote.

    Raises:
        IllegalMove: The task is over already.
    """
    return _moved(record, Move.BROKE, now, "failed", says=reason)


def reject(record: TaskRecord, reason: str, *, now: datetime) -> Decision:
    """The agent will not do it.

    Raises:
        IllegalMove: The task is over already.
    """
    return _moved(record, Move.DECLINED, now, "rejected", says=reason)


def cancel(record: TaskRecord, *, now: datetime) -> Decision:
    """Stop at the caller's wish.

    Raises:
        TaskNotCancelable: The task is in a terminal state.
    """
    if record.state in TERMINAL:
        raise TaskNotCancelable(
            f"the task is already {record.state.name}", details={"taskId": record.id}
        )
    return _moved(record, Move.CANCELED, now, "canceled")._replace(effects=_STOP)


def _moved(
    record: TaskRecord,
    how: Move,
    now: datetime,
    event_id: str,
    *,
    says: str = "",
    cause: bytes | None = None,
) -> Decision:
    """Move on with no question open."""
    after = record.moved(move(record.state, how), now, events=1, asks=())
    message = _from_agent(record, event_id, [{"text": _sayable(says)}]) if says else None
    body = status_json(after.state, stamp(now), message)
    return Decision(after, (Event(after.seq, event_id, after.state, body, cause),))


def _asking(
    record: TaskRecord,
    asks: tuple[OpenAsk, ...],
    now: datetime,
    event_id: str,
    *,
    reason: str = "",
    cause: bytes | None = None,
) -> Decision:
    """Wait for the answers that `asks` lack."""
    questions = unanswered(asks)
    needs_input = any(question.mode == "form" for question in questions)
    state = move(record.state, Move.ASKED_INPUT if needs_input else Move.ASKED_AUTH)
    after = record.moved(state, now, events=1, asks=asks)
    parts: list[Json] = [
        {"text": text_of(questions, reason)},
        {
            "data": data_of(questions),
            "metadata": {MARKER: True},
            "mediaType": "application/json",
        },
    ]
    message = _from_agent(record, event_id, parts)
    body = status_json(after.state, stamp(now), message)
    return Decision(after, (Event(after.seq, event_id, after.state, body, cause),))


def _sayable(text: str) -> str:
    """An author's text without lone surrogates, which file names may bring and JSON cannot take."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def _placed(record: TaskRecord, message: Message) -> bytes:
    """The caller's message as A2A JSON, with the ids of the task it was given to."""
    context = b"" if message.context_id else b',"contextId":' + orjson.dumps(record.context_id)
    task = b"" if message.task_id else b',"taskId":' + orjson.dumps(record.id)
    return b"".join((message.to_json()[:-1], context, task, b"}"))


def _from_agent(record: TaskRecord, event_id: str, parts: list[Json]) -> bytes:
    """A message of the agent, its id derived from the event that carries it."""
    return orjson.dumps(
        {
            "messageId": f"{record.id}/{event_id}",
            "contextId": record.context_id,
            "taskId": record.id,
            "role": Role.AGENT.value,
            "parts": parts,
        }
    )


def _free(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    taken.add(candidate)
    return candidate
