"""The body of a request: one JSON object, whatever the binding puts into it.

Source: RFC 8259 (JSON, section 8.1: UTF-8), RFC 7493 section 2.3 (I-JSON: a name stands once in an
object; readers differ in what they make of one that stands twice, and so two of them behind each
other can be played off against one another).
"""

from __future__ import annotations

import json
from typing import cast

import orjson

from interloom.runtime.errors import BadJson, BadRequest, Violation
from interloom.runtime.model.decode import MAX_KEY
from interloom.runtime.values import Json, JsonObject


def load(body: bytes) -> JsonObject:
    """Parse a body into one JSON object.

    Raises:
        BadJson: Not JSON in UTF-8, or nested deeper than anybody could read.
        BadRequest: JSON, but not one object, or one with a name that stands twice.
    """
    try:
        read: Json = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadJson("Invalid JSON payload") from None
    if isinstance(read, list):
        raise BadRequest("batches are not supported; send one request")
    if not isinstance(read, dict):
        raise BadRequest("a request is a JSON object")
    if not _is_compact(read, body):
        _check_names(body)
    return cast("JsonObject", read)


def _is_compact(read: Json, body: bytes) -> bool:
    """Whether a body is exactly what we would write, so that no name can have stood twice.

    Most are: to write them again takes a tenth of the time it takes to look at each name.
    """
    try:
        return orjson.dumps(read) == body
    except orjson.JSONEncodeError:  # deeper than it writes
        return False


def _check_names(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_unique)
    except RecursionError:
        raise BadJson("Invalid JSON payload: nested too deeply") from None


def _unique(pairs: list[tuple[str, Json]]) -> JsonObject:
    found: dict[str, Json] = {}
    for name, value in pairs:
        if name in found:
            shown, rule = name[:MAX_KEY], "stands twice in one object"
            raise BadRequest(f"{shown}: {rule}", violations=(Violation(shown, rule),))
        found[name] = value
    return found
