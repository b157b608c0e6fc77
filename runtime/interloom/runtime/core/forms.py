"""What a form may ask: the flat part of JSON Schema that MCP publishes, and little more.

Source: MCP 2026-07-28 client/elicitation, "Requested Schema", and `PrimitiveSchemaDefinition` in
schema.ts: an object of strings, numbers, booleans, choices and lists of choices.

The schema of a tool's question comes from a stranger, and answers are held against it on the event
loop. So there are no references, no combinators and no nesting, and everything is counted: checking
an answer costs what the answer is long. Beyond the published subset are (ours):

- keywords of a fixed price, which the SDKs of servers let through: `exclusiveMinimum`,
  `exclusiveMaximum`, `multipleOf`, `uniqueItems`, and `additionalProperties` as true or false;
- `pattern`, because authors need it and servers send it. Its engine takes linear time, and the
  pattern, what it compiles to and what it is tried on are limited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import jsonschema_rs

from interloom.runtime.core.questions import choices
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

MAX_FIELDS: Final = 50
"""Fields of one form."""
MAX_CHOICES: Final = 500
"""Values one field may offer, and items of one answer."""
MAX_OFFERED: Final = 1000
"""Values all fields of a form may offer together."""
MAX_NAME_CHARS: Final = 100
"""Characters of a field's name."""
MAX_TEXT_CHARS: Final = 4000
"""Characters of a title, a description, a value to choose."""
MAX_PATTERN_CHARS: Final = 256
"""Characters of a pattern."""
MAX_MATCHED_CHARS: Final = 10_000
"""Characters of an answer that a pattern is tried on."""
_PATTERN: Final = jsonschema_rs.RegexOptions(size_limit=256 * 1024)
_LARGEST: Final = 2**63
"""Bound of a number: what every JSON reader and writer behind us takes."""
_SHOWN: Final = 60
"""Characters of a stranger's word that an error repeats."""

FORMATS: Final = ("date", "date-time", "email", "uri")
"""What `format` may say (MCP `StringSchema`)."""


def check_form(schema: JsonObject) -> None:
    """Refuse a schema that is no flat form.

    Words that are not JSON Schema's say nothing about an answer and are let through.

    Raises:
        LocalError: The text names the field and the rule.
    """
    if schema.get("type") != "object":
        raise LocalError("the form: type must be 'object'")
    _check_words("the form", schema, _OF_FORM)
    properties = schema.get("properties")
    named: JsonObject = properties if isinstance(properties, Mapping) else {}
    offered = [choices(field) for field in named.values() if isinstance(field, Mapping)]
    if sum(map(len, offered)) > MAX_OFFERED:
        raise LocalError(f"the form: its fields offer more than {MAX_OFFERED} values")
    for name, field in named.items():
        _check_field(f"field {name[:_SHOWN]!r}", field)
    required = schema.get("required")
    stray = [name for name in required if name not in named] if isinstance(required, list) else []
    if stray:
        raise LocalError(f"the form: required {str(stray[0])[:_SHOWN]!r} is no field of it")
    _check_defaults(schema, named)


def validator(schema: JsonObject) -> jsonschema_rs.Draft202012Validator:
    """What holds answers against a form's schema.

    Raises:
        ValueError: It is not a valid schema.
    """
    # offline: a schema never makes us open a connection (MCP basic, "$ref Resolution").
    # mask: the reason is shown to others who watch the task; the answer itself is not.
    return jsonschema_rs.Draft202012Validator(
        dict(schema),
        validate_formats=True,
        offline=True,
        mask="the answer",
        pattern_options=_PATTERN,
    )


class _Rule(NamedTuple):
    """What a keyword's value must be, as a test and in words."""

    holds: Callable[[Json], bool]
    words: str


def _check_words(where: str, schema: JsonObject, allowed: Mapping[str, _Rule]) -> None:
    for word, value in schema.items():
        rule = allowed.get(word)
        if rule is None and word in _VOCABULARY:
            raise LocalError(f"{where}: {word!r} is not supported in a question")
        if rule is not None and not rule.holds(value):
            raise LocalError(f"{where}: {word} {rule.words}")


def _check_field(where: str, field: Json) -> None:
    if not isinstance(field, Mapping):
        raise LocalError(f"{where}: must be an object")
    kind = field.get("type")
    is_choice = not _CHOICES.keys().isdisjoint(field)
    if kind is None and is_choice:  # each value says itself of what type it is
        kind = "string"
    if not isinstance(kind, str) or kind not in _OF_FIELD:
        raise LocalError(f"{where}: type must be one of {', '.join(_OF_FIELD)}")
    _check_words(where, field, _OF_FIELD[kind])
    if kind == "array":
        _check_items(f"{where}, items", field.get("items"))


def _check_items(where: str, items: Json) -> None:
    if not isinstance(items, Mapping) or _CHOICES.keys().isdisjoint(items):
        raise LocalError(f"{where}: must list what may be chosen, with enum or anyOf")
    _check_words(where, items, _OF_ITEMS)


def _check_defaults(schema: JsonObject, named: JsonObject) -> None:
    """A default that is no answer would spoil every answer that leaves its field out."""
    try:
        checks = validator(schema)
    except ValueError:
        raise LocalError("the form: is not a valid JSON Schema") from None
    defaults = {
        name: field["default"]
        for name, field in named.items()
        if isinstance(field, Mapping) and "default" in field
    }
    # An error without a path is of the form: it lacks the fields that have no default.
    wrong = [str(error.instance_path[0]) for error in checks.iter_errors(defaults)
             if error.instance_path]  # fmt: skip
    if wrong:
        raise LocalError(f"field {wrong[0][:_SHOWN]!r}: default is no valid answer")


def _is_number(value: Json) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_LARGEST <= value < _LARGEST  # nor is NaN, nor an infinity


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and _is_number(value) and value >= 0


def _is_step(value: Json) -> bool:
    return isinstance(value, int | float) and _is_number(value) and value > 0


def _is_flag(value: Json) -> bool:
    return isinstance(value, bool)


def _is_anything(_value: Json) -> bool:
    return True


def _is_text(value: Json) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT_CHARS


def _is_scalar(value: Json) -> bool:
    return value is None or isinstance(value, bool) or _is_number(value) or _is_text(value)


def _is_default(value: Json) -> bool:
    if isinstance(value, list):
        return len(value) <= MAX_CHOICES and all(map(_is_scalar, value))
    return _is_scalar(value)


def _is_pattern(value: Json) -> bool:
    if not isinstance(value, str) or len(value) > MAX_PATTERN_CHARS:
        return False
    try:
        validator({"pattern": value})
    except ValueError:
        return False
    return True


def _is_format(value: Json) -> bool:
    return value in FORMATS


def _is_choice_type(value: Json) -> bool:
    return value in ("string", "integer", "number")


def _is_names(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_enum(value: Json) -> bool:
    return isinstance(value, list) and 0 < len(value) <= MAX_CHOICES and all(map(_is_scalar, value))


def _is_titled(value: Json) -> bool:
    return isinstance(value, list) and 0 < len(value) <= MAX_CHOICES and all(map(_is_option, value))


def _is_option(value: Json) -> bool:
    """`{"const": ..., "title": ...}`, and nothing else that asserts anything."""
    if not isinstance(value, Mapping) or not _is_scalar(value.get("const", ())):
        return False
    return _VOCABULARY.isdisjoint(value.keys() - {"const"}) and all(
        _is_text(value[word]) for word in _NOTES.keys() & value.keys()
    )


def _are_fields(value: Json) -> bool:
    return (
        isinstance(value, Mapping)
        and len(value) <= MAX_FIELDS
        and all(0 < len(name) <= MAX_NAME_CHARS and name.isprintable() for name in value)
    )


_TEXT: Final = _Rule(_is_text, f"must be text of at most {MAX_TEXT_CHARS} characters")
_NUMBER: Final = _Rule(_is_number, "must be a number between -2^63 and 2^63")
_STEP: Final = _Rule(_is_step, "must be a number above 0")
_COUNT: Final = _Rule(_is_count, "must be a whole number, 0 or more")
_FLAG: Final = _Rule(_is_flag, "must be true or false")
_ANY: Final = _Rule(_is_anything, "")  # checked by whoever looks it up

_NOTES: Final = {"title": _TEXT, "description": _TEXT}
_CHOICES: Final = {
    "enum": _Rule(_is_enum, f"must list 1 to {MAX_CHOICES} plain values"),
    **dict.fromkeys(
        ("oneOf", "anyOf"),
        _Rule(_is_titled, f"must list 1 to {MAX_CHOICES} values as {{const, title}}"),
    ),
}
_OF_FORM: Final = _NOTES | {
    "type": _ANY,
    "properties": _Rule(
        _are_fields,
        f"must be an object of at most {MAX_FIELDS} fields, their names printable and at most"
        f" {MAX_NAME_CHARS} characters",
    ),
    "required": _Rule(_is_names, "must be a list of names"),
    "additionalProperties": _FLAG,
}
_OF_ITEMS: Final = _NOTES | _CHOICES | {
    "type": _Rule(_is_choice_type, "must be 'string'"),
}  # fmt: skip
_DEFAULT: Final = {"default": _Rule(_is_default, "must be a plain value, or a list of them")}
_ONE: Final = _NOTES | _DEFAULT | {"type": _ANY}
_NUMERIC: Final = _ONE | _CHOICES | dict.fromkeys(
    ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER
) | {"multipleOf": _STEP}  # fmt: skip
_OF_FIELD: Final[Mapping[str, Mapping[str, _Rule]]] = {
    "string": _ONE | _CHOICES | {
        "minLength": _COUNT,
        "maxLength": _COUNT,
        "format": _Rule(_is_format, f"must be one of {', '.join(FORMATS)}"),
        "pattern": _Rule(
            _is_pattern,
            f"must be a regular expression of at most {MAX_PATTERN_CHARS} characters, small when"
            " compiled, without look-around and back-references",
        ),
    },
    "integer": _NUMERIC,
    "number": _NUMERIC,
    "boolean": _ONE,
    "array": _ONE | {
        "items": _ANY, "minItems": _COUNT, "maxItems": _COUNT, "uniqueItems": _FLAG,
    },
}  # fmt: skip
"""What each type of field may say."""

_ASSERTING: Final = """
    $id $anchor $ref $dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor $vocabulary $defs
    definitions allOf anyOf oneOf not if then else dependentSchemas dependentRequired dependencies
    items prefixItems additionalItems unevaluatedItems contains minContains maxContains
    minItems maxItems uniqueItems properties patternProperties additionalProperties
    unevaluatedProperties propertyNames minProperties maxProperties required
    type enum const multipleOf minimum maximum exclusiveMinimum exclusiveMaximum
    minLength maxLength pattern format contentEncoding contentMediaType contentSchema
"""
_VOCABULARY: Final = frozenset(_ASSERTING.split())
"""All words of JSON Schema 2020-12 that say something about a value, and older ones for it."""
