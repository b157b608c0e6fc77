"""From JSON to a model, or to an error that says which field broke which rule.

Source: the ProtoJSON reading rules that A2A 5.5 adopts. The fast path is one call of the compiled
validator. It knows nothing of two leniencies, null for an unset field and absence for an empty
REQUIRED one; they are granted only when it has refused, so only those who need them pay for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar, get_args, get_origin

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from interloom.runtime.errors import BadJson, BadParams, Violation
from interloom.runtime.model.fields import RULE, AbsentMeans
from interloom.runtime.model.freeform import UNSET
from interloom.runtime.model.wiremodel import OneOf, WireModel, json_name
from interloom.runtime.values import Json, JsonObject

MAX_VIOLATIONS: Final = 10
"""Violations reported at once. Source: `ours`; more would not be read, and replies stay small."""

MAX_KEY: Final = 64
"""Characters of a peer's own map key that a path repeats. Source: `ours`."""

Model = TypeVar("Model", bound=WireModel)


def decode(model_type: type[Model], data: JsonObject) -> Model:
    """Read a message from parsed JSON.

    Unknown fields are ignored; both the JSON name and the proto's name of a field are taken.

    Source: A2A 5.5 to 5.7 and ProtoJSON.

    Args:
        model_type: The message to read.
        data: A dict as `orjson.loads` gives it; free-form values in it are kept, not copied.

    Raises:
        BadParams: A rule is broken. One violation for each problem, at most `MAX_VIOLATIONS`; a
            list tells of its first bad element.
    """
    try:
        read: Model = model_type.__pydantic_validator__.validate_python(data)
    except ValidationError:
        return _decode_leniently(model_type, data)
    return read


def decode_json(model_type: type[Model], body: bytes) -> Model:
    """Read a message from JSON text.

    Raises:
        BadJson: The text is not JSON, or holds what JSON cannot: NaN, numbers beyond a double,
            lone surrogates, bytes that are not UTF-8.
        BadParams: As for `decode`.
    """
    try:
        data: JsonObject = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadJson("the body is not JSON") from None
    return decode(model_type, data)


def _decode_leniently(model_type: type[Model], data: JsonObject) -> Model:
    try:
        read: Model = model_type.__pydantic_validator__.validate_python(_tidied(model_type, data))
    except ValidationError as error:
        violations = _violations(error)
    else:
        return read
    first = violations[0]
    message = f"{first.field}: {first.rule}" if first.field else first.rule
    raise BadParams(message, violations=violations) from None


# ---- What is forgiven ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Field:
    """What tidying has to know of a field.

    Attributes:
        inner: The message its value holds: alone, in a list or as a map's values.
        is_map: The value's keys are the peer's own words, not field names.
        takes_null: Null is a value here.
    """

    inner: type[WireModel] | None
    is_map: bool
    takes_null: bool


@dataclass(frozen=True, slots=True)
class _Plan:
    """What tidying has to know of a message.

    Attributes:
        fields: The fields, under each name they may arrive by.
        members: The names of a oneof's members, likewise.
        absent: The names, proto's and JSON's, of REQUIRED fields that may be absent.
    """

    fields: Mapping[str, _Field]
    members: frozenset[str]
    absent: tuple[tuple[str, str, AbsentMeans], ...]


@cache
def _plan(model: type[WireModel]) -> _Plan:
    fields: dict[str, _Field] = {}
    for name, info in model.model_fields.items():
        field = _Field(
            _inner(info.annotation),
            is_map=get_origin(info.annotation) is Mapping,
            takes_null=info.default is UNSET,
        )
        fields |= {name: field, json_name(name): field}
    members = set(model.ONEOF) if issubclass(model, OneOf) else set[str]()
    return _Plan(
        fields,
        frozenset(members | set(map(json_name, members))),
        tuple(
            (name, json_name(name), mark)
            for name, info in model.model_fields.items()
            for mark in info.metadata
            if isinstance(mark, AbsentMeans)
        ),
    )


def _inner(annotation: object) -> type[WireModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, WireModel):
        return annotation
    return next(filter(None, map(_inner, get_args(annotation))), None)


def _tidied(model: type[WireModel], data: Json) -> Json:
    """A copy without nulls that mean "unset", and with the REQUIRED fields that may be absent."""
    if not isinstance(data, dict):
        return data
    plan = _plan(model)
    # Null is content where a field takes it, unless another member of the oneof is there.
    rivals = any(data.get(name) is not None for name in plan.members)
    tidy: dict[str, Json] = {
        key: _tidied_value(field, value)
        for key, value in data.items()
        if (field := plan.fields.get(key))
        and (value is not None or (field.takes_null and not rivals))
    }
    for name, wire_name, mark in plan.absent:
        if name not in tidy and wire_name not in tidy:
            tidy[wire_name] = mark.empty()
    return tidy


def _tidied_value(field: _Field, value: Json) -> Json:
    if field.inner is None:
        return value
    if isinstance(value, list):
        return [_tidied(field.inner, item) for item in value]
    if field.is_map and isinstance(value, dict):
        return {key: _tidied(field.inner, item) for key, item in value.items()}
    return _tidied(field.inner, value)


# ---- What is not ---------------------------------------------------------------------------------

_OBJECT: Final = "must be an object"
_RULES: Final = {
    "missing": "is required",
    "string_type": "must be a string",
    "string_unicode": "must not contain lone surrogates",
    "string_too_short": "must not be empty",
    "bool_type": "must be true or false",
    "tuple_type": "must be an array",
    "model_type": _OBJECT,
    "dict_type": _OBJECT,
    "mapping_type": _OBJECT,
}


def _violations(error: ValidationError) -> tuple[Violation, ...]:
    details = [
        detail
        for detail in error.errors(include_url=False)
        # A list that stopped at a bad element is also reported as short of elements.
        if not (detail["type"] == "too_short" and detail["input"])
    ]
    return tuple(
        Violation(_path(detail["loc"]), _rule(detail)) for detail in details[:MAX_VIOLATIONS]
    )


def _path(location: tuple[int | str, ...]) -> str:
    """`("message", "parts", 0, "text")` as `message.parts[0].text`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step[:MAX_KEY]}" for step in location)
    return "".join(steps).removeprefix(".")


def _rule(detail: ErrorDetails) -> str:
    match detail:
        case {"type": "too_short", "loc": (*_, field)}:
            return f"at least one {str(field).removesuffix('s')} is required"
        case {"type": "enum", "ctx": {"expected": str(names)}}:
            _unspecified, _, advisable = names.replace("'", "").partition(", ")
            return f"must be {advisable}"
        case {"type": kind} if kind == RULE:
            return detail["msg"]
        case _:
            return _RULES.get(detail["type"], "is not valid")
