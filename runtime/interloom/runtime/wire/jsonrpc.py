"""JSON-RPC 2.0 envelopes: objects in, calls out; results spliced, never decoded again.

Source: JSON-RPC 2.0 sections 4 and 5; A2A 1.0.1 sections 9.1 to 9.5. Ours: batches and
notifications are refused (A2A uses neither), and an id is a string or an integer.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import orjson

from interloom.runtime.errors import BadParams, BadRequest, Violation
from interloom.runtime.values import JsonObject
from interloom.runtime.wire import errors

Id: TypeAlias = str | int
VERSION: Final = "2.0"
_ID: Final = (str, int)


class Call(NamedTuple):
    """A request whose envelope is in order; its params are not checked yet."""

    id: Id
    method: str
    params: JsonObject


def id_of(frame: JsonObject) -> Id | None:
    """The id to answer under, or None when it is missing or of the wrong type."""
    found = frame.get("id")
    return found if isinstance(found, _ID) and found is not True and found is not False else None


def call(frame: JsonObject) -> Call:
    """Check the envelope.

    Raises:
        BadRequest: `jsonrpc`, `id` or `method` is missing or wrong.
        BadParams: `params` is not an object.
    """
    if frame.get("jsonrpc") != VERSION:
        raise _bad("jsonrpc", 'must be "2.0"')
    found = id_of(frame)
    if found is None:
        raise _bad("id", "must be a string or an integer")
    method = frame.get("method")
    if not isinstance(method, str):
        raise _bad("method", "must be a string")
    params = frame.get("params", {})
    if not isinstance(params, dict):
        raise BadParams(
            "params: must be an object", violations=(Violation("params", "must be an object"),)
        )
    return Call(found, method, params)


def result(call_id: Id, json: bytes) -> bytes:
    """A response around a result that is encoded already."""
    return b"".join((b'{"jsonrpc":"2.0","id":', orjson.dumps(call_id), b',"result":', json, b"}"))


def error(call_id: Id | None, problem: BaseException) -> bytes:
    """A response that says what went wrong (A2A 9.5)."""
    return orjson.dumps(
        {
            "jsonrpc": VERSION,
            "id": call_id,
            "error": {
                "code": errors.row(problem).jsonrpc,
                "message": errors.text(problem),
                "data": errors.details(problem),
            },
        }
    )


def _bad(field: str, rule: str) -> BadRequest:
    return BadRequest(f"{field}: {rule}", violations=(Violation(field, rule),))
