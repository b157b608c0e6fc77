"""Our messages and the official SDK's live in one process and read each other's bytes."""

from __future__ import annotations

import pytest
from a2a.types import a2a_pb2 as official
from google.protobuf import json_format

from interloom.protos import a2a_pb2 as ours

TASK = {
    "id": "t1",
    "contextId": "c1",
    "status": {"state": "TASK_STATE_INPUT_REQUIRED", "timestamp": "2026-01-02T03:04:05.006Z"},
    "history": [
        {
            "messageId": "m1",
            "role": "ROLE_USER",
            "parts": [{"text": "where to?"}, {"raw": "AP8="}, {"data": {"a": [None, 1.5]}}],
            "metadata": {"deep": {"er": ["x", False]}},
        }
    ],
}


def test_bytes_written_by_us_are_read_by_the_official_sdk() -> None:
    """A2A 10: one package, one wire."""
    mine = json_format.ParseDict(TASK, ours.Task())

    theirs = official.Task.FromString(mine.SerializeToString())

    assert json_format.MessageToDict(theirs) == TASK


def test_bytes_written_by_the_official_sdk_are_read_by_us() -> None:
    """A2A 10: one package, one wire."""
    theirs = json_format.ParseDict(TASK, official.Task())

    mine = ours.Task.FromString(theirs.SerializeToString())

    assert json_format.MessageToDict(mine) == TASK


def test_classes_are_not_the_official_ones() -> None:
    """`ours`: a private pool, or two libraries with one package name could not both be imported."""
    assert ours.DESCRIPTOR.pool is not official.DESCRIPTOR.pool
    with pytest.raises(TypeError):
        ours.Task(status=official.TaskStatus())  # type: ignore[arg-type]  # the point of the test


def test_well_known_types_keep_their_comfort_in_the_private_pool() -> None:
    """`ours`: Struct and Timestamp behave as everybody's do."""
    task = ours.Task(id="t1")

    task.metadata.update({"a": {"b": [1, None]}})
    task.status.timestamp.FromJsonString("2026-01-02T03:04:05Z")

    assert json_format.MessageToDict(task.metadata) == {"a": {"b": [1, None]}}
    assert task.status.timestamp.ToJsonString() == "2026-01-02T03:04:05Z"


def test_enums_and_service_are_exposed_as_the_types_promise() -> None:
    """`ours`: the names of `a2a_pb2.pyi` exist at run time."""
    assert ours.TaskState.Name(ours.TASK_STATE_INPUT_REQUIRED) == "TASK_STATE_INPUT_REQUIRED"
    assert ours.Role.Value("ROLE_AGENT") == ours.ROLE_AGENT
    assert ours.SERVICE.full_name == "lf.a2a.v1.A2AService"
