"""The messages of the data model as JSON Schema (2020-12), as they are read.

Source: the model's own annotations, which a test holds against a2a.proto; A2A 1.0.1 section 5.7 for
what REQUIRED means, and the ProtoJSON reading rules (5.5): null is "unset", enums are read by
number, too, and whole numbers from text. Unknown fields are taken, so nothing closes an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import NoneType
from typing import Annotated, Final, get_args, get_origin

from interloom.runtime.model import ListTasksResponse, Role, WireEnum, WireModel
from interloom.runtime.model.freeform import UNSET, Struct, Value
from interloom.runtime.model.wiremodel import OneOf, json_name
from interloom.runtime.values import Json

REFERENCE: Final = "#/components/schemas/"
"""Where the document keeps schemas."""

_BOUNDS: Final[Mapping[str, Mapping[str, Json]]] = {
    "historyLength": {"minimum": 0},
    "pageSize": {"minimum": 1, "maximum": 100},
}
"""Ranges that operations check (3.1.4, 3.2.4)."""
_ANSWERS: Final = frozenset({ListTasksResponse})
"""Messages that have such a field and no such range."""
_NARROWED: Final[Mapping[tuple[str, str], Json]] = {
    ("SendMessageRequest", "message"): {
        "properties": {"role": {"enum": [Role.USER.value, Role.USER.number]}}
    }
}
"""What one message asks of another that stands in it: a caller writes as the user."""
_INT32: Final[Mapping[str, Json]] = {
    "type": ["integer", "string"],
    "format": "int32",
    "minimum": -(2**31),
    "maximum": 2**31 - 1,
    "pattern": "^[0-9]{1,9}$",
}
_BASE64: Final[Mapping[str, Json]] = {
    "type": "string",
    "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
}
_UNSPECIFIED: Final[frozenset[WireEnum]] = frozenset({Role.UNSPECIFIED})
"""Members that no message may have; an unspecified state asks ListTasks for every state."""


def message_schema(model: type[WireModel]) -> dict[str, Json]:
    """The schema of a message; other messages in it are references."""
    properties = {json_name(name): _property(model, name) for name in model.model_fields}
    required = [json_name(n) for n, info in model.model_fields.items() if info.is_required()]
    schema: dict[str, Json] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    if issubclass(model, OneOf) and model.NEEDED:
        schema["oneOf"] = [_only(member, model) for member in model.ONEOF]
    return schema


def parameter_schema(model: type[WireModel], name: str) -> dict[str, Json]:
    """The schema of a field in a path or a query, where everything is text (11.5)."""
    schema = _schema(model, name)
    names = schema.get("enum")
    if isinstance(names, list):
        return {"enum": [each for each in names if isinstance(each, str)]}
    if schema.get("format") == "int32":
        return {key: each for key, each in schema.items() if key != "pattern"} | {"type": "integer"}
    return schema


def mentioned(*models: type[WireModel]) -> Mapping[str, type[WireModel]]:
    """These messages and all that stand in them, by name."""
    found: dict[str, type[WireModel]] = {}
    waiting = list(models)
    while waiting:
        model = waiting.pop()
        if model.__name__ not in found:
            found[model.__name__] = model
            waiting += [
                each for info in model.model_fields.values() for each in _inner(info.annotation)
            ]
    return dict(sorted(found.items()))


def _inner(annotation: object) -> Iterator[type[WireModel]]:
    if isinstance(annotation, type) and issubclass(annotation, WireModel):
        yield annotation
    for each in get_args(annotation):
        yield from _inner(each)


def _property(model: type[WireModel], name: str) -> Json:
    schema: dict[str, Json] = _schema(model, name)
    if (model.__name__, name) in _NARROWED:
        schema = {"allOf": [schema, _NARROWED[model.__name__, name]]}
    if model.model_fields[name].is_required() or not schema:
        return schema
    return {"anyOf": [schema, {"type": "null"}]}


def _schema(model: type[WireModel], name: str) -> dict[str, Json]:
    info = model.model_fields[name]
    schema = _of(Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation)
    bounds = _BOUNDS.get(json_name(name), {}) if model not in _ANSWERS else {}
    return {**schema, **bounds}


def _only(member: str, model: type[OneOf]) -> Json:
    """One member of a oneof is there, and of the others nothing but null."""
    others = {json_name(name): {"type": "null"} for name in model.ONEOF if name != member}
    own = {} if model.ONEOF[member] is UNSET else {json_name(member): {"not": {"type": "null"}}}
    return {"required": [json_name(member)], "properties": {**own, **others}}


def _least(marks: list[object]) -> int:
    """How long text or a list must be, as pydantic's marks say."""
    return max(getattr(each, "min_length", 0) for each in marks)


def _of(annotation: object) -> dict[str, Json]:
    members = [each for each in get_args(annotation) if each is not NoneType]
    if annotation in (Struct, Value):
        return {"type": "object"} if annotation == Struct else {}
    match get_origin(annotation):
        case None:
            return _plain(annotation)
        case origin if origin is Annotated:
            schema, least = _of(members[0]), _least(members[1:])
            return {**schema, _LEAST[schema["type"]]: least} if least else schema
        case origin if origin is tuple:
            return {"type": "array", "items": _of(members[0])}
        case origin if origin is Mapping:
            return {"type": "object", "additionalProperties": _of(members[1])}
        case _:  # X | None
            return _of(members[0])


def _plain(kind: object) -> dict[str, Json]:
    if not isinstance(kind, type):
        return {}
    if issubclass(kind, WireModel):
        return {"$ref": f"{REFERENCE}{kind.__name__}"}
    if issubclass(kind, WireEnum):
        allowed = [each for each in kind if each not in _UNSPECIFIED]
        return {"enum": [*(each.value for each in allowed), *(each.number for each in allowed)]}
    return dict(_KINDS[kind])


_LEAST: Final[Mapping[Json, str]] = {"string": "minLength", "array": "minItems"}
_KINDS: Final[Mapping[type, Mapping[str, Json]]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: _INT32,
    bytes: _BASE64,
    datetime: {"type": "string", "format": "date-time"},
}
