"""The method table is the service of a2a.proto, operation for operation."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.empty_pb2 import Empty

from interloom.protos.a2a_pb2 import SERVICE
from interloom.runtime import model
from interloom.runtime.engine.operations import Operations
from interloom.runtime.errors import MethodNotFound
from interloom.runtime.wire.card import About, Binding, Endpoint, card
from interloom.runtime.wire.methods import METHODS, Capability, Method, find

SERVED = list(METHODS.values())
PLACE = Endpoint(Binding.JSONRPC, "http://a.example")


def test_every_operation_of_the_service_is_in_the_table() -> None:
    """A2A 5.3: eleven operations, in the proto's names."""
    assert {method.name for method in SERVICE.methods} == METHODS.keys()


@pytest.mark.parametrize("method", SERVED, ids=lambda method: method.name)
def test_method_takes_and_gives_the_services_messages(method: Method) -> None:
    """a2a.proto, service A2AService."""
    theirs = SERVICE.methods_by_name[method.name]

    assert method.request.__name__ == theirs.input_type.name
    assert method.request is getattr(model, theirs.input_type.name)
    assert (method.response or Empty).__name__ == theirs.output_type.name
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


def paths(method: Method) -> tuple[str, str]:
    """The HTTP annotation of an operation, as verb and path."""
    raw = SERVICE.methods_by_name[method.name].GetOptions().SerializeToString()
    http: Any = import_module("google.api.annotations_pb2").http  # it comes without types
    rule = MethodOptions.FromString(raw).Extensions[http]
    verb: str = rule.WhichOneof("pattern")
    return verb.upper(), getattr(rule, verb).replace("=*", "")


@pytest.mark.parametrize("method", SERVED, ids=lambda method: method.name)
def test_method_has_the_verb_and_path_of_its_annotation(method: Method) -> None:
    """a2a.proto, google.api.http."""
    assert (method.verb, method.path) == paths(method)


@pytest.mark.parametrize("capability", Capability)
def test_card_promises_what_its_agent_offers(capability: Capability) -> None:
    """A2A 3.3.4: capabilities and operations agree; each capability stands for some operation."""
    about = About("a", "A", capabilities=frozenset({capability}))
    offered = card(about, endpoints=(PLACE,)).capabilities.to_dict()

    assert {name for name, said in offered.items() if said is True} == {capability.value}
    assert any(method.capability is capability for method in SERVED)


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
