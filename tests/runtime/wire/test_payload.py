"""A request's body is one JSON object in which every name stands once.

Source: RFC 8259 section 8.1; RFC 7493 section 2.3.
"""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.errors import BadJson, BadRequest, Violation
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.payload import load

NOT_JSON = {
    "nothing": b"",
    "blank": b" ",
    "a word": b"hello",
    "cut off": b'{"jsonrpc":"2.0"',
    "too long": b'{"jsonrpc":"2.0"}}',
    "single quotes": b"{'jsonrpc':'2.0'}",
    "NaN": b'{"a":NaN}',
    "beyond a double": b'{"a":1e999}',
    "a lone surrogate": b'{"a":"\\ud800"}',
    "not UTF-8": b'{"a":"\xff"}',
    "UTF-16": b"\xff\xfe{\x00}\x00",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "5000 levels": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "open brackets": b"[" * 100_000,
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_a_parse_error(body: bytes) -> None:
    """RFC 8259; the limits of depth and size are ours."""
    with pytest.raises(BadJson, match=r"^Invalid JSON payload"):
        load(body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", "batches are not supported; send one request"),
        (b'[{"a":1}]', "batches are not supported; send one request"),
        (b"null", "a request is a JSON object"),
        (b"1", "a request is a JSON object"),
        (b'"GetTask"', "a request is a JSON object"),
    ],
)
def test_json_that_is_no_object_is_told_apart(body: bytes, message: str) -> None:
    """A2A 9.3, 11.4."""
    with pytest.raises(BadRequest) as refused:
        load(body)

    assert str(refused.value) == message


TWICE = {
    "side by side": (b'{"a":1,"a":2}', "a"),
    "the same value": (b'{"a":1,"a":1}', "a"),
    "far apart": (b'{"a":1,"b":[{"c":1}],"a":2}', "a"),
    "deep inside": (b'{"a":[{"b":{"c":1,"c":2}}]}', "c"),
    "one spelled with an escape": (b'{"a":1,"\\u0061":2}', "a"),
    "made up for in length": (b'{"a":1,"a":2,"b":1e3,"c":"\\u003a"}', "a"),
    "with blanks": (b'{ "a" : 1, "a" : 2 }', "a"),
    "of no characters": (b'{"":1,"":2}', ""),
    "of many": (orjson.dumps({"x" * 5000: 1})[:-1] + b',"' + b"x" * 5000 + b'":2}', "x" * 64),
    "below 300 others": (b'{"a":' * 300 + b'{"b":1,"b":2}' + b"}" * 300, "b"),
}


@pytest.mark.parametrize(("body", "name"), TWICE.values(), ids=TWICE)
def test_name_that_stands_twice_is_named(body: bytes, name: str) -> None:
    """RFC 7493 2.3."""
    with pytest.raises(BadRequest, match=r"stands twice in one object$") as refused:
        load(body)

    assert refused.value.violations == (Violation(name, "stands twice in one object"),)


def test_twice_in_a_hundred_thousand_names_is_found_in_one_pass() -> None:
    """Ours: the last of many names is found by looking at each once."""
    names = b",".join(b'"%d":0' % number for number in range(100_000))

    with pytest.raises(BadRequest, match=r"^99999: stands twice"):
        load(b"{" + names + b',"99999":0}')


def test_body_too_deep_to_be_looked_through_is_refused() -> None:
    """Ours: what cannot be checked is not let in; the reader's own limit comes soon after."""
    deep = b'{"a": ' * 1020 + b"1" + b"}" * 1020

    with pytest.raises(BadJson, match=r"^Invalid JSON payload: nested too deeply$"):
        load(deep)


Documents = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=3),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.text(st.characters(codec="utf-8")),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner)
        ),
        max_leaves=8,
    ),
)


@given(Documents, st.booleans(), st.sampled_from([None, 2]))
def test_every_object_is_read_however_it_is_laid_out(
    document: JsonObject, is_ascii: bool, indent: int | None
) -> None:
    """RFC 8259 section 2: blanks and escapes mean nothing."""
    text = json.dumps(document, ensure_ascii=is_ascii, indent=indent)

    assert load(text.encode()) == document
    assert load(orjson.dumps(document)) == document


@given(Documents.filter(bool), st.data())
def test_no_name_stands_twice_unseen(document: JsonObject, data: st.DataObject) -> None:
    """RFC 7493 2.3: wherever the second one is put."""
    name = data.draw(st.sampled_from(sorted(document)))
    body = orjson.dumps(document)[:-1] + b"," + orjson.dumps({name: document[name]})[1:]

    with pytest.raises(BadRequest):
        load(body)
