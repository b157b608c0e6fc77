"""The numbers of `urn:interloom:stream:v1`: read from requests, written into events.

Source: docs/streams.md, `ours`.
"""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime.core.record import Chunk, Event, status_json
from interloom.runtime.errors import BadParams
from interloom.runtime.model import StreamResponse, TaskState, decode
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.streams import URI, Numbering, numbered, numbering, unnumbered

STATUS = status_json(TaskState.WORKING, b"2026-01-02T03:04:05.000Z")
MESSAGE = b'{"messageId":"m","role":"ROLE_USER","parts":[{"text":"hi"}]}'


@pytest.mark.parametrize(
    ("shown", "header", "metadata", "wanted"),
    [
        (False, b"", None, None),
        (False, b"", {}, None),
        (False, b"", {"other": {"after": 1}}, None),
        (True, b"", None, Numbering(None, shown=True)),
        (False, b"7", None, Numbering(7)),
        (False, b"0", None, Numbering(0)),
        (True, b"7", None, Numbering(7, shown=True)),
        (False, b"", {URI: {"after": 7}}, Numbering(7)),
        (True, b"", {URI: {"after": 7.0}}, Numbering(7, shown=True)),
        (False, b"8", {URI: {"after": 7}}, Numbering(8)),
        (False, b"8", {URI: "no number"}, Numbering(8)),
    ],
)
def test_request_says_after_which_event_to_go_on(
    shown: bool, header: bytes, metadata: JsonObject | None, wanted: Numbering | None
) -> None:
    """A number in a protobuf Struct is a double; the header goes before the metadata."""
    assert numbering(shown, header, metadata) == wanted


@pytest.mark.parametrize("header", [b"-1", b"1.5", b"x", b" 7", b"7 ", b"\xd9\xa7", b"1" * 16])
def test_header_that_is_no_number_is_refused(header: bytes) -> None:
    with pytest.raises(
        BadParams, match=r"^Last-Event-ID: must be the number of an event"
    ) as refused:
        numbering(shown=False, last_event_id=header, metadata=None)
    assert refused.value.violations[0].field == "Last-Event-ID"


@pytest.mark.parametrize(
    "said",
    [
        "7",
        7,
        None,
        [],
        {},
        {"after": None},
        {"after": "7"},
        {"after": -1},
        {"after": 0.5},
        {"after": 1e300},
    ],
)
def test_metadata_without_a_number_is_refused_unless_null(said: object) -> None:
    """Null says nothing, as an absent field does."""
    metadata: JsonObject = orjson.loads(orjson.dumps({URI: said}))
    if said is None:
        assert numbering(shown=False, last_event_id=b"", metadata=metadata) is None
        return
    with pytest.raises(BadParams, match=rf"^metadata\.{URI}\.after: must be the number"):
        numbering(shown=False, last_event_id=b"", metadata=metadata)


@pytest.mark.parametrize(
    "event",
    [
        Event(1, "submitted", TaskState.SUBMITTED, STATUS, MESSAGE),
        Event(2, "started", TaskState.WORKING, STATUS),
        Event(
            3,
            "made",
            TaskState.WORKING,
            b'{"artifactId":"a","parts":[{"text":"b"}]}',
            None,
            Chunk("a", True, False),
        ),
    ],
    ids=["task", "status", "artifact"],
)
def test_number_stands_in_the_metadata_of_whatever_the_event_tells_of(event: Event) -> None:
    plain = event.response("t", "c")
    shown = decode(StreamResponse, orjson.loads(numbered(plain, event.seq)))
    told = shown.task or shown.status_update or shown.artifact_update
    assert told is not None
    assert told.metadata == {URI: {"seq": event.seq}}
    bare = decode(StreamResponse, orjson.loads(plain))
    assert told.model_copy(update={"metadata": None}) == (
        bare.task or bare.status_update or bare.artifact_update
    )


@pytest.mark.parametrize(
    ("event", "plain", "number"),
    [
        ({"task": {"id": "t", "metadata": {URI: {"seq": 7}}}}, {"task": {"id": "t"}}, "7"),
        (
            {"task": {"id": "t", "metadata": {URI: {"seq": 7.0}, "k": 1}}},
            {"task": {"id": "t", "metadata": {"k": 1}}},
            "7",
        ),
        ({"task": {"id": "t", "metadata": {"k": 1}}}, None, ""),
        ({"task": {"id": "t"}}, None, ""),
        ({"task": {"metadata": {URI: {"seq": "7"}}}}, None, ""),
        ({"task": {"metadata": {URI: {"seq": -1}}}}, None, ""),
        ({"task": {"metadata": {URI: 7}}}, None, ""),
        ({"task": {"metadata": 7}}, None, ""),
        ({"task": 7}, None, ""),
        ({}, None, ""),
    ],
)
def test_number_is_taken_out_again(
    event: JsonObject, plain: JsonObject | None, number: str
) -> None:
    """Ours: a client's caller sees the event as it would without the extension."""
    assert unnumbered(event) == (event if plain is None else plain, number)
