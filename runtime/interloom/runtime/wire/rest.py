"""HTTP+JSON: from path, query and body to a request message; from an error to a body.

Source: A2A 1.0.1 sections 11.2 to 11.6; google.api.http for which field comes from where: those in
the path's template from there, the others from the body where there is one, else from the query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType
from typing import Annotated, Final, TypeAlias, get_args, get_origin
from urllib.parse import parse_qsl

import orjson

from interloom.runtime.errors import BadParams, Violation
from interloom.runtime.model import WireModel
from interloom.runtime.model.wiremodel import json_name
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire import errors, payload
from interloom.runtime.wire.routes import Route

JSON: Final = "application/a2a+json"
"""Media type of requests and answers (11.1, 14.1.1)."""
MAX_QUERY_FIELDS: Final = 100
"""Parameters of one query (ours; the longest message has eight fields)."""

_Read: TypeAlias = Callable[[list[str]], Json]
"""From all values a query gives a field to what stands in JSON."""


def bind(route: Route, query: bytes, body: bytes) -> JsonObject:
    """Put a request message together; it is JSON, and not checked yet.

    Args:
        route: The operation, and the fields its path gave.
        query: The query, as received.
        body: The body; read for POST only.

    Raises:
        BadJson: The body is not JSON.
        BadRequest: The body is JSON but no object, or says something twice.
        BadParams: A query parameter is repeated or stands for an object, the query is malformed, or
            the body says something else than the path.
    """
    fields = _given(route, query, body)
    for name, value in route.fields.items():
        for spelling in {name, json_name(name)}:
            if fields.pop(spelling, value) not in (value, "", None):
                raise _bad(json_name(name), "is not what the path says")
        fields[json_name(name)] = value
    return fields


def _given(route: Route, query: bytes, body: bytes) -> dict[str, Json]:
    if route.method.verb != "POST":
        return from_query(route.method.request, query)
    return dict(payload.load(body)) if body else {}


def from_query(model: type[WireModel], query: bytes) -> dict[str, Json]:
    """A query as JSON: what a message's fields are of decides how a parameter is read (11.5).

    Parameters that are no field are passed over, as unknown fields are.

    Raises:
        BadParams: As `bind`.
    """
    if not query:
        return {}
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_QUERY_FIELDS,
        )
    except ValueError:  # too many, or a percent-encoding that is not UTF-8
        raise BadParams("the query cannot be read") from None
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(json_name(name), []).append(value)
    readers = _readers(model)
    return {
        name: _value(name, readers[name], values)
        for name, values in given.items()
        if name in readers
    }


def _value(name: str, read: _Read | None, values: list[str]) -> Json:
    if read is None:
        raise _bad(name, "is an object; it cannot stand in a query")
    try:
        return read(values)
    except ValueError:
        raise _bad(name, "must be given once") from None


@cache
def _readers(model: type[WireModel]) -> Mapping[str, _Read | None]:
    """How each field is read from a query, by its JSON name; None for those that cannot be."""
    return {json_name(name): _reader(info.annotation) for name, info in model.model_fields.items()}


def _reader(annotation: object) -> _Read | None:
    if get_origin(annotation) is tuple:
        return _many if _bare(get_args(annotation)[0]) is str else None
    kind = _bare(annotation)
    if not isinstance(kind, type) or issubclass(kind, WireModel):
        return None
    return _flag if kind is bool else _one


def _bare(annotation: object) -> object:
    """What is left of `X | None` and `Annotated[X, ...]`."""
    members = [each for each in get_args(annotation) if each is not NoneType]
    is_wrapped = get_origin(annotation) is Annotated or len(members) == 1
    return _bare(members[0]) if is_wrapped else annotation


def _one(values: list[str]) -> Json:
    (value,) = values
    return value  # numbers, times and enums are read from text by their fields


def _flag(values: list[str]) -> Json:
    (value,) = values
    return {"true": True, "false": False}.get(value, value)


def _many(values: list[str]) -> Json:
    return [each for value in values for each in value.split(",")]


def error(problem: BaseException) -> bytes:
    """The body that says what went wrong: google.rpc.Status as JSON (11.6)."""
    found = errors.row(problem)
    return orjson.dumps(
        {
            "error": {
                "code": found.http,
                "status": found.grpc,
                "message": errors.text(problem),
                "details": errors.details(problem),
            }
        }
    )


def _bad(field: str, rule: str) -> BadParams:
    return BadParams(f"{field}: {rule}", violations=(Violation(field, rule),))
