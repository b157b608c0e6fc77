"""The least a gRPC server can do and still do the job: bare grpc.aio, protobuf both ways."""

from __future__ import annotations

from typing import Any

import anyio
import grpc
from grpc import aio

from bench.load_grpc import METHOD
from bench.serving import Place, tell
from interloom.protos.a2a_pb2 import (
    Artifact,
    SendMessageRequest,
    SendMessageResponse,
    Task,
    TaskState,
    TaskStatus,
)


def echo(place: Place) -> None:
    """Parse a SendMessage and answer with its message."""
    anyio.run(_serve, place)


async def _serve(place: Place) -> None:
    server = aio.server()
    _, service, method = METHOD.split("/")
    handler = grpc.unary_unary_rpc_method_handler(
        _answer,
        request_deserializer=SendMessageRequest.FromString,
        response_serializer=SendMessageResponse.SerializeToString,
    )
    handlers = grpc.method_handlers_generic_handler(service, {method: handler})
    server.add_generic_rpc_handlers((handlers,))
    port = server.add_insecure_port(f"127.0.0.1:{place.port}")
    await server.start()
    tell(port)
    await server.wait_for_termination()


async def _answer(request: Any, context: object) -> Any:  # noqa: ANN401 - protobuf's own
    message = request.message
    return SendMessageResponse(
        task=Task(
            id="0" * 32,
            context_id="0" * 32,
            status=TaskStatus(state=TaskState.TASK_STATE_COMPLETED),
            artifacts=[Artifact(artifact_id="result", parts=message.parts)],
            history=[message],
        )
    )
