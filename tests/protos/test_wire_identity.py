"""Our proto is the specification's, name for name and number for number.

The judge is the descriptor set the official SDK ships, read in another descriptor pool.
"""

from __future__ import annotations

import pytest
from a2a.types import a2a_pb2 as official
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor

from interloom.protos import a2a_pb2 as ours

MESSAGES = sorted(official.DESCRIPTOR.message_types_by_name)
ENUMS = sorted(official.DESCRIPTOR.enum_types_by_name)
METHODS = sorted(official.DESCRIPTOR.services_by_name["A2AService"].methods_by_name)


def field_facts(field: FieldDescriptor) -> dict[str, object]:
    """All that decides how a field travels, and whether it has to."""
    holder = field.containing_oneof
    return {
        "name": field.name,
        "number": field.number,
        "json_name": field.json_name,
        "type": field.type,
        "of": [kind.full_name for kind in (field.message_type, field.enum_type) if kind],
        "repeated": field.is_repeated,
        "packed": field.is_packed,
        "presence": field.has_presence,
        "oneof": holder.name if holder else "",
        "options": field.GetOptions().SerializeToString(deterministic=True),
    }


def message_facts(message: Descriptor) -> dict[str, object]:
    """The message's fields by number, and the map entries it makes for itself."""
    return {
        "full_name": message.full_name,
        "fields": {
            number: field_facts(field) for number, field in message.fields_by_number.items()
        },
        "entries": {
            nested.name: (nested.GetOptions().map_entry, message_facts(nested))
            for nested in message.nested_types
        },
    }


def enum_facts(enum: EnumDescriptor) -> tuple[str, list[tuple[str, int]]]:
    return enum.full_name, [(value.name, value.number) for value in enum.values]


def method_facts(method: MethodDescriptor) -> dict[str, object]:
    return {
        "full_name": method.full_name,
        "input": method.input_type.full_name,
        "output": method.output_type.full_name,
        "client_streaming": method.client_streaming,
        "server_streaming": method.server_streaming,
        "options": method.GetOptions().SerializeToString(deterministic=True),
    }


def test_file_and_its_lists_are_the_official_ones() -> None:
    """A2A 1.0.1, a2a.proto: nothing missing, nothing added."""
    assert ours.DESCRIPTOR.package == official.DESCRIPTOR.package == "lf.a2a.v1"
    assert sorted(ours.DESCRIPTOR.message_types_by_name) == MESSAGES
    assert sorted(ours.DESCRIPTOR.enum_types_by_name) == ENUMS
    assert sorted(ours.SERVICE.methods_by_name) == METHODS


@pytest.mark.parametrize("name", MESSAGES)
def test_message_has_the_official_fields(name: str) -> None:
    """A2A 1.0.1, a2a.proto."""
    mine = ours.DESCRIPTOR.message_types_by_name[name]

    assert message_facts(mine) == message_facts(official.DESCRIPTOR.message_types_by_name[name])


@pytest.mark.parametrize("name", ENUMS)
def test_enum_has_the_official_values(name: str) -> None:
    """A2A 1.0.1, a2a.proto."""
    mine = ours.DESCRIPTOR.enum_types_by_name[name]

    assert enum_facts(mine) == enum_facts(official.DESCRIPTOR.enum_types_by_name[name])


@pytest.mark.parametrize("name", METHODS)
def test_method_has_the_official_signature_and_http_rule(name: str) -> None:
    """A2A 1.0.1, a2a.proto and 5.3."""
    theirs = official.DESCRIPTOR.services_by_name["A2AService"].methods_by_name[name]

    assert method_facts(ours.SERVICE.methods_by_name[name]) == method_facts(theirs)


def test_options_are_read_and_not_merely_equal_as_nothing() -> None:
    """google.api: `field_behavior` is extension 1052, REQUIRED is 2; `http` carries the path."""
    fields = ours.DESCRIPTOR.message_types_by_name["Message"].fields_by_name

    assert field_facts(fields["parts"])["options"] == b"\xe2\x41\x01\x02"
    assert field_facts(fields["metadata"])["options"] == b""
    assert (
        b"/message:send"
        in ours.SERVICE.methods_by_name["SendMessage"].GetOptions().SerializeToString()
    )
