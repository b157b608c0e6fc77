"""What no proper client would send over gRPC: the specified code, the field named, nothing shown.

Source: A2A 1.0.1 sections 3.3.2 and 10.6; A2A 5.7 (what is required).
"""

from __future__ import annotations

from typing import Any, cast

import grpc
import pytest
from grpc import aio

from interloom.protos import a2a_pb2 as pb
from interloom.runtime.serve.grpc_port import GrpcSettings
from interloom.runtime.wire.errors import DOMAIN, OUR_DOMAIN
from interloom.runtime.wire.grpc import RPCS
from tests.runtime.serve.over_grpc import Caller, Refusal, calling, refusal, said

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def is_discreet(refused: Refusal) -> bool:
    """Whether nothing of our inside is shown."""
    told = f"{refused.text} {refused.details}"
    return not any(word in told for word in ("Traceback", ".py", "upb", "pydantic", "Exception"))


MISSING = {
    "SendMessage": ["message"],
    "SendStreamingMessage": ["message"],
    "GetTask": ["id"],
    "CancelTask": ["id"],
    "SubscribeToTask": ["id"],
}


@pytest.mark.parametrize("name", MISSING)
async def test_request_without_what_is_required_names_it(name: str) -> None:
    """A2A 5.7: a gRPC call with a missing message is INVALID_ARGUMENT."""
    async with calling() as caller:
        refused = await caller.refused(name, b"")

        assert (refused.code, refused.reason) == (INVALID, ("INVALID_PARAMS", OUR_DOMAIN))
        assert refused.fields == MISSING[name]
        assert is_discreet(refused)


def _said(**message: object) -> pb.SendMessageRequest:
    return said(message=message)


BAD = {
    "no id": (_said(message_id=""), "message.messageId"),
    "no parts": (_said(parts=[]), "message.parts"),
    "an empty part": (_said(parts=[pb.Part()]), "message.parts[0]"),
    "no role": (_said(role=0), "message.role"),
    "the agent's role": (_said(role=pb.ROLE_AGENT), "message.role"),
    "a role nobody knows": (_said(role=9), "message.role"),
    "less history than none": (
        said(configuration={"history_length": -1}),
        "configuration.historyLength",
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_message_names_its_field(case: str) -> None:
    """A2A 3.3.2: the same fields as JSON's, under JSON's names."""
    request, field = BAD[case]
    async with calling() as caller:
        refused = await caller.refused("SendMessage", request)

        assert (refused.code, refused.fields) == (INVALID, [field])
        assert is_discreet(refused)


LISTS = {
    "a negative page size": (pb.ListTasksRequest(page_size=-1), "pageSize"),
    "a huge page size": (pb.ListTasksRequest(page_size=2**31 - 1), "pageSize"),
    "a foreign page token": (pb.ListTasksRequest(page_token="x" * 50), "pageToken"),
    "a time that does not exist": (
        pb.ListTasksRequest(status_timestamp_after={"seconds": 2**60}),
        "statusTimestampAfter",
    ),
    "a state nobody knows": (pb.ListTasksRequest.FromString(b"\x18\x4d"), "status"),
}


@pytest.mark.parametrize("case", LISTS)
async def test_bad_question_for_a_list_names_its_field(case: str) -> None:
    """A2A 3.1.4."""
    request, field = LISTS[case]
    async with calling() as caller:
        refused = await caller.refused("ListTasks", request)

        assert (refused.code, refused.fields) == (INVALID, [field])


async def test_media_type_the_agent_does_not_take_is_refused() -> None:
    """A2A 5.4: CONTENT_TYPE_NOT_SUPPORTED is INVALID_ARGUMENT."""
    part = pb.Part(raw=b"\x00", media_type="video/mp4")
    async with calling() as caller:
        refused = await caller.refused("SendMessage", _said(parts=[part]))

        assert refused.code is INVALID
        assert refused.reason == ("CONTENT_TYPE_NOT_SUPPORTED", DOMAIN)


@pytest.mark.parametrize("name", RPCS)
async def test_bytes_that_are_no_message_are_refused(name: str) -> None:
    """ours: INVALID_ARGUMENT, where the library by itself says INTERNAL."""
    async with calling() as caller:
        refused = await caller.refused(name, b"\xff\xfe\xfd")

        assert (refused.code, refused.reason) == (INVALID, ("INVALID_REQUEST", OUR_DOMAIN))
        assert is_discreet(refused)


def _nested(levels: int) -> bytes:
    """A SendMessageRequest whose metadata nests so deep, written by hand."""
    struct = b""
    for _ in range(levels - 1):
        value = b"\x2a" + _length(struct) + struct  # Value.struct_value
        entry = b"\x0a\x01a\x12" + _length(value) + value  # Struct.FieldsEntry
        struct = b"\x0a" + _length(entry) + entry
    return said().SerializeToString() + b"\x22" + _length(struct) + struct


def _length(data: bytes) -> bytes:
    number, out = len(data), bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


@pytest.mark.parametrize(
    ("levels", "text"), [(31, "metadata"), (100, "nested too deep"), (5000, "nested")]
)
async def test_json_that_nests_too_deep_is_refused(levels: int, text: str) -> None:
    """ours: thirty levels, as on every binding; protobuf itself stops at a hundred messages."""
    async with calling() as caller:
        refused = await caller.refused("SendMessage", _nested(levels))
        fine = await caller.call("SendMessage", _nested(30))

        assert refused.code is INVALID
        assert text in refused.text
        assert fine.task.status.state == pb.TASK_STATE_COMPLETED


async def test_request_that_is_too_large_is_refused() -> None:
    """gRPC: RESOURCE_EXHAUSTED, before it is read; the connection stays."""
    async with calling(grpc_settings=GrpcSettings(max_bytes=100_000)) as caller:
        with pytest.raises(aio.AioRpcError) as refused:
            await caller.call("SendMessage", said("x" * 200_000))
        answer = await caller.call("SendMessage", said("x" * 50_000))

        assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert answer.task.status.state == pb.TASK_STATE_COMPLETED


async def test_packed_request_is_refused() -> None:
    """ours: what is packed may hold a thousand times its size; UNIMPLEMENTED says so (gRPC)."""
    async with calling() as caller:
        packing = (("grpc.default_compression_algorithm", 2),)  # gzip
        async with aio.insecure_channel(caller.port.address, packing) as channel:
            zipped = Caller(caller.world, channel, caller.port)
            with pytest.raises(aio.AioRpcError) as refused:
                await zipped.call("SendMessage", said("x" * 100_000))

        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_method_nobody_knows_is_unimplemented() -> None:
    """gRPC: UNIMPLEMENTED, for a method as for a service."""
    async with calling() as caller:
        for path in ("/lf.a2a.v1.A2AService/Later", "/a2a.v1.A2AService/SendMessage"):
            call: Any = cast("Any", caller.channel).unary_unary(path)
            with pytest.raises(aio.AioRpcError) as refused:
                await call(b"")
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_calls_one_after_another_survive_bad_ones() -> None:
    """ours: a stream that was refused leaves its connection as it was."""
    async with calling() as caller:
        for name in RPCS:
            await caller.refused(name, b"\xff")
        answer = await caller.call("SendMessage", said())

        assert answer.task.status.state == pb.TASK_STATE_COMPLETED


async def test_refused_stream_tells_why_like_a_call_does() -> None:
    """A2A 10.6: rich status, also where a stream was asked for."""
    async with calling() as caller:
        stream = caller.start("SubscribeToTask", pb.SubscribeToTaskRequest(id="nope"))
        with pytest.raises(aio.AioRpcError) as refused:
            await anext(aiter(stream))

        assert refusal(refused.value).reason == ("TASK_NOT_FOUND", DOMAIN)
