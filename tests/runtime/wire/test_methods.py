"""The method table is the service of a2a.proto, operation for operation."""

from __future__ import annotations

import inspect

import pytest

from interloom.protos.a2a_pb2 import SERVICE
from interloom.runtime import model
from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import (
    MethodNotFound,
    PushNotSupported,
    RequestError,
    UnsupportedOperation,
)
from interloom.runtime.wire.card import About, card
from interloom.runtime.wire.methods import METHODS, NOT_OFFERED, Method, find

SERVED = list(METHODS.values())


def test_every_operation_of_the_service_is_served_or_refused_by_name() -> None:
    """A2A 5.3: eleven operations, in the proto's names, each in one of the two tables."""
    assert {method.name for method in SERVICE.methods} == {*METHODS, *NOT_OFFERED}
    assert not METHODS.keys() & NOT_OFFERED.keys()


@pytest.mark.parametrize("method", SERVED, ids=lambda method: method.name)
def test_method_takes_the_services_message_and_streams_when_it_does(method: Method) -> None:
    """a2a.proto, service A2AService."""
    theirs = SERVICE.methods_by_name[method.name]

    assert method.request.__name__ == theirs.input_type.name
    assert method.request is getattr(model, theirs.input_type.name)
    assert method.streaming == theirs.server_streaming
    assert not theirs.client_streaming


@pytest.mark.parametrize("method", SERVED, ids=lambda method: method.name)
def test_method_leads_to_an_operation_that_takes_its_message(method: Method) -> None:
    """DESIGN section 3: one table drives every binding, so it must not name what is not there."""
    operation = getattr(Operations, method.operation)
    parameters = inspect.signature(operation, eval_str=True).parameters

    assert list(parameters) == ["self", "caller", "request"]
    assert parameters["request"].annotation is method.request
    assert inspect.iscoroutinefunction(operation) != method.streaming


@pytest.mark.parametrize("method", SERVED, ids=lambda method: method.name)
def test_method_is_found_by_its_name(method: Method) -> None:
    """A2A 9.4: the JSON-RPC method is the RPC's name."""
    assert find(method.name) is method


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CreateTaskPushNotificationConfig", PushNotSupported),
        ("GetTaskPushNotificationConfig", PushNotSupported),
        ("ListTaskPushNotificationConfigs", PushNotSupported),
        ("DeleteTaskPushNotificationConfig", PushNotSupported),
        ("GetExtendedAgentCard", UnsupportedOperation),
    ],
)
def test_operation_the_card_does_not_promise_is_refused_as_such(
    name: str, kind: type[RequestError]
) -> None:
    """A2A 3.3.4: a client learns that the agent lacks it, not that A2A does."""
    with pytest.raises(kind, match=f"^{name} is not offered") as refused:
        find(name)

    assert type(refused.value) is kind


def test_card_promises_what_the_tables_serve() -> None:
    """A2A 3.3.4: capabilities and operations agree."""
    offered = card(About("a", "A"), url="http://a.example").capabilities

    assert bool(offered.streaming) == ("SubscribeToTask" in METHODS)
    assert bool(offered.push_notifications) == ("CreateTaskPushNotificationConfig" in METHODS)
    assert bool(offered.extended_agent_card) == ("GetExtendedAgentCard" in METHODS)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gettask",
        "GETTASK",
        " GetTask",
        "GetTask ",
        "GetTask\x00",
        "message/send",
        "tasks/get",
        "__init__",
        "get_task",
        "x" * 100_000,
    ],
)
def test_unknown_method_is_refused_and_repeated_in_part_only(name: str) -> None:
    """A2A 9.5: the name of 0.3 are unknown, too; a name of any length gives a short answer."""
    with pytest.raises(MethodNotFound, match=r"^Method not found$") as refused:
        find(name)

    assert refused.value.details == {"method": name[:100]}
