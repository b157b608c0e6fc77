"""What the gRPC binding says on the wire: its methods, and its errors as rich status.

Source: A2A 1.0.1 section 10, a2a.proto (`A2AService`), 5.4 (status codes), 10.6 (details);
google.rpc.Status, which travels in the trailer `grpc-status-details-bin`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, cast

from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.code_pb2 import Code
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status as RpcStatus

from interloom.protos.a2a_pb2 import SERVICE
from interloom.runtime.errors import BadParams, Violation
from interloom.runtime.values import JsonObject
from interloom.runtime.wire import errors
from interloom.runtime.wire.methods import METHODS, Method
from interloom.runtime.wire.protobuf import from_json, to_json

SERVICE_NAME: Final = SERVICE.full_name
DETAILS: Final = "grpc-status-details-bin"
"""The trailer that holds a serialized `google.rpc.Status`."""

_TYPES: Final[Mapping[str, type[Message]]] = MappingProxyType(
    {f"type.googleapis.com/{kind.DESCRIPTOR.full_name}": kind for kind in (ErrorInfo, BadRequest)}
)
"""The details we write and read, by their name in an `Any`."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """One method of the service.

    Attributes:
        method: Its row of the method table.
        request: Class of its request.
        response: Class of its response, or of each response of a stream.
    """

    method: Method
    request: type[Message]
    response: type[Message]

    @property
    def path(self) -> str:
        """Where it is called: `/package.Service/Method`."""
        return f"/{SERVICE_NAME}/{self.method.name}"


RPCS: Final[Mapping[str, Rpc]] = MappingProxyType(
    {
        name: Rpc(method, GetMessageClass(found.input_type), GetMessageClass(found.output_type))
        for name, method in METHODS.items()
        for found in (SERVICE.methods_by_name[name],)
    }
)
"""The methods by name, as the service has them."""


def addressed(tenant: str, agents: Sequence[str]) -> tuple[str, str]:
    """Which agent a request is for, and what is left of its tenant.

    Several agents share one port, and nothing else in a call can tell them apart: the service is
    one, the metadata is not the card's to set. So the interface on a card declares the agent's name
    as its tenant, which clients then send with each request (8.3.2). What follows a slash is the
    caller's own tenant.

    Args:
        tenant: As received: `agent`, `agent/tenant`, `/tenant` or empty.
        agents: Who is served; the first is asked when none is named.

    Raises:
        BadParams: No agent of that name is served.
    """
    name, _, rest = tenant.partition("/")
    if not name:
        return agents[0], rest
    if name not in agents:
        rule = "names no agent that is served here; the card says what to send"
        raise BadParams(f"tenant: {rule}", violations=(Violation("tenant", rule),))
    return name, rest


class Status(NamedTuple):
    """How a call ends that went wrong.

    Attributes:
        code: Name of the gRPC status code.
        text: For people.
        details: A `google.rpc.Status`, serialized.
    """

    code: str
    text: str
    details: bytes


def status(error: BaseException) -> Status:
    """What a caller is told of an error (10.6): the same details as on the other bindings."""
    code, text = errors.row(error).grpc, errors.text(error)
    packed: list[Packed] = []
    for detail in errors.details(error):
        told = cast("JsonObject", detail)
        name = str(told["@type"])
        value = from_json(_TYPES[name], told).SerializeToString()
        packed.append(Packed(type_url=name, value=value))
    rich = RpcStatus(code=Code.Value(code), message=text, details=packed)
    return Status(code, text, rich.SerializeToString())


def details(rich: bytes) -> list[JsonObject]:
    """The details of a peer's rich status, as the other bindings have them.

    Args:
        rich: The trailer's value; what cannot be read, and details of other types, are left out.
    """
    found: list[JsonObject] = []
    try:
        for each in RpcStatus.FromString(rich).details:
            kind = _TYPES.get(each.type_url)
            if kind is not None:
                found.append(to_json(kind.FromString(each.value)))
    except DecodeError:
        return found
    return found
