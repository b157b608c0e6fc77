"""The models are the proto's messages: every name, type, mark and member."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Union, get_args, get_origin

import pytest
from google.protobuf.descriptor import FieldDescriptor

from interloom.runtime import model
from interloom.runtime.model.fields import AbsentMeans
from interloom.runtime.model.wiremodel import OneOf
from tests.runtime.model.wire import (
    ENUMS,
    MESSAGES,
    is_map,
    is_required,
    may_be_empty,
    model_type,
    oneofs,
)

SCALARS = {
    FieldDescriptor.TYPE_STRING: "str",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int",
}
WELL_KNOWN = {"Struct": "_JsonObject", "Value": "_Json", "Timestamp": datetime.__name__}

ZEROS: dict[str, object] = {
    "list": (),
    "map": {},
    "str": "",
    "bool": False,
    "int": 0,
    "TaskState": model.TaskState.UNSPECIFIED,
}


def declared(annotation: object) -> str:
    """A model field's type as `str`, `list[Part]` or `map[str]`; None and UNSET left out."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        kinds = [kind for kind in arguments if kind not in {NoneType, model.Unset}]
        assert len(kinds) == 1
        return declared(kinds[0])
    if origin is tuple:
        assert arguments[1] is Ellipsis
        return f"list[{declared(arguments[0])}]"
    if origin is Mapping:
        assert declared(arguments[0]) == "str"
        return f"map[{declared(arguments[1])}]"
    if hasattr(annotation, "__metadata__"):
        return declared(arguments[0])
    return str(getattr(annotation, "__name__", annotation))


def compiled(field: FieldDescriptor) -> str:
    """A proto field's type in the same words."""
    if is_map(field):
        assert field.message_type
        return f"map[{compiled(field.message_type.fields_by_name['value'])}]"
    if field.message_type:
        word = WELL_KNOWN.get(field.message_type.name, field.message_type.name)
    else:
        word = field.enum_type.name if field.enum_type else SCALARS[field.type]
    return f"list[{word}]" if field.is_repeated else word


def test_every_message_has_a_model_and_every_model_a_message() -> None:
    """A2A 4."""
    classes = {name for name in model.__all__ if isinstance(getattr(model, name), type)}
    models = {name for name in classes if issubclass(getattr(model, name), model.WireModel)}

    assert models - {"WireModel"} == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_model_has_the_fields_of_its_message_and_no_others(name: str) -> None:
    """A2A 4."""
    assert set(model_type(name).model_fields) == set(MESSAGES[name].fields_by_name)


@pytest.mark.parametrize("name", MESSAGES)
def test_field_has_the_json_name_protoc_gives_it(name: str) -> None:
    """A2A 5.5."""
    names = {field.name: field.json_name for field in MESSAGES[name].fields}
    infos = model_type(name).model_fields

    assert {field: info.validation_alias for field, info in infos.items()} == names
    assert {field: info.serialization_alias for field, info in infos.items()} == names


@pytest.mark.parametrize("name", MESSAGES)
def test_field_has_the_type_of_the_proto(name: str) -> None:
    """A2A 4."""
    infos = model_type(name).model_fields

    assert {field: declared(info.annotation) for field, info in infos.items()} == {
        field.name: compiled(field) for field in MESSAGES[name].fields
    }


@pytest.mark.parametrize("name", MESSAGES)
def test_field_is_required_exactly_where_the_proto_says_so(name: str) -> None:
    """A2A 5.7."""
    infos, fields = model_type(name).model_fields, MESSAGES[name].fields

    assert {field for field, info in infos.items() if info.is_required()} == {
        field.name for field in fields if is_required(field)
    }
    assert {
        field
        for field, info in infos.items()
        if any(isinstance(mark, AbsentMeans) for mark in info.metadata)
    } == {field.name for field in fields if may_be_empty(field)}


@pytest.mark.parametrize("name", MESSAGES)
def test_optional_field_starts_as_unset(name: str) -> None:
    """ProtoJSON: with presence, unset is None (or UNSET where null is a value); else the zero."""
    for field in MESSAGES[name].fields:
        info = model_type(name).model_fields[field.name]
        if is_required(field):
            assert NoneType not in get_args(info.annotation)
        elif field.has_presence:
            unset = model.UNSET if compiled(field) == "_Json" else None
            assert info.default is unset
            assert type(unset) in get_args(info.annotation)
        else:
            zero = ZEROS[compiled(field).split("[")[0]]
            assert (info.default, type(info.default)) == (zero, type(zero))


@pytest.mark.parametrize("name", MESSAGES)
def test_oneof_of_the_proto_is_a_oneof_of_the_model(name: str) -> None:
    """A2A 4; each message has at most one."""
    kind = model_type(name)
    written = list(oneofs(MESSAGES[name]).values())

    assert issubclass(kind, OneOf) == bool(written)
    assert written == ([list(kind.ONEOF)] if issubclass(kind, OneOf) else [])


@pytest.mark.parametrize("name", ENUMS)
def test_enum_has_the_values_and_numbers_of_the_proto(name: str) -> None:
    """A2A 4.1.3 and 4.1.5; Python names lose the prefix, values are the wire's."""
    members = getattr(model, name)
    prefix = {"TaskState": "TASK_STATE_", "Role": "ROLE_"}[name]

    assert [(member.value, member.number) for member in members] == [
        (value.name, value.number) for value in ENUMS[name].values
    ]
    assert all(member.value == prefix + member.name for member in members)
