"""A tool's JSON Schemas: which are taken, and what is held against them. No I/O.

Source: MCP 2026-07-28, basic/index "JSON Schema Usage" (dialects, `$ref` resolution, bounds),
server/tools "Output Schema".

A schema comes from a stranger and is evaluated on the event loop. So its size is bounded, how often
one value may be looked at is bounded, patterns take linear time, and nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import jsonschema_rs
import orjson

from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

MAX_BYTES: Final = 256 * 1024
"""Bytes of JSON of one schema; ours."""

MAX_DEPTH: Final = 300
"""Levels of a schema, with every reference followed; ours, and more than a reply can be nested."""

MAX_LOOKS: Final = 100_000
"""Schemas that one value may meet, with every reference followed; ours."""

DIALECTS: Final = {
    "https://json-schema.org/draft/2020-12/schema": jsonschema_rs.Draft202012Validator,
    "https://json-schema.org/draft/2019-09/schema": jsonschema_rs.Draft201909Validator,
    "http://json-schema.org/draft-07/schema": jsonschema_rs.Draft7Validator,
}
"""The dialects understood; a schema that names none is of the first."""

_PATTERN: Final = jsonschema_rs.RegexOptions(size_limit=256 * 1024)
_DEFAULT: Final = next(iter(DIALECTS))
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_DATA: Final = frozenset({"const", "default", "enum", "examples", "required"})


class UnusableSchema(LocalError):
    """A schema that nothing can be held against; the text says why."""

    code = "UNUSABLE_SCHEMA"


@dataclass(frozen=True, slots=True)
class Schema:
    """A compiled schema.

    Attributes:
        validator: Holds values against it.
        branches: Ways a value may be looked at on each level of a schema that refers to itself;
            1 where it does not.
    """

    validator: jsonschema_rs.Validator
    branches: int

    def broken_rule(self, value: Json, what: str) -> str | None:
        """What of a value does not fit, with where, without the value itself; None when it fits.

        Args:
            value: What to hold against the schema.
            what: What it is called in the answer.
        """
        if self.branches > 1 and self.branches ** _depth(value) > MAX_LOOKS:
            return f"{what} is nested too deeply for a schema that refers to itself"
        try:
            self.validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            where = "".join(f".{step}" for step in error.instance_path)
            return f"{what}{where[:200]}: {error.message[:300]}"
        return None


def compile_schema(schema: JsonObject) -> Schema:
    """Make a schema ready.

    Raises:
        UnusableSchema: It is of a dialect not understood, not valid in its own, too large, or
            refers to what is not in it.
    """
    dialect = schema.get("$schema", _DEFAULT)
    kind = DIALECTS.get(dialect.rstrip("#")) if isinstance(dialect, str) else None
    if kind is None:
        raise UnusableSchema("its dialect is not supported")
    if len(orjson.dumps(schema)) > MAX_BYTES:
        raise UnusableSchema(f"it is over {MAX_BYTES} bytes")
    cost = _Cost(schema)
    if cost.looks > MAX_LOOKS:
        raise UnusableSchema(f"one value may meet more than {MAX_LOOKS} schemas")
    try:
        validator = kind(dict(schema), offline=True, mask="the value", pattern_options=_PATTERN)
    except (ValueError, jsonschema_rs.ValidationError):
        raise UnusableSchema("it is not valid, or refers to what is not in it") from None
    return Schema(validator, cost.branches)


class Schemas:
    """Compiled schemas by what they are of, each compiled once; bounded, the oldest goes first."""

    def __init__(self, *, most: int = 1000) -> None:
        self._found: dict[str, Schema | UnusableSchema] = {}
        self._most = most

    def get(self, key: str, schema: JsonObject) -> Schema:
        """The compiled schema.

        Args:
            key: Its digest, or that of what it is a part of, and which part.
            schema: Compiled unless the key is known.

        Raises:
            UnusableSchema: As for `compile_schema`.
        """
        found = self._found.get(key)
        if found is None:
            try:
                found = compile_schema(schema)
            except UnusableSchema as error:
                found = error
            if len(self._found) >= self._most:
                del self._found[next(iter(self._found))]
            self._found[key] = found
        if isinstance(found, UnusableSchema):
            raise UnusableSchema(str(found))
        return found


class _Cost:
    """How often one value may be looked at, every local reference followed.

    Nodes are told apart by their JSON pointers.
    """

    def __init__(self, schema: JsonObject) -> None:
        self._root = schema
        self._known: dict[str, int] = {}
        self._open: set[str] = set()
        self._is_recursive = False
        self._choices = 0
        self.looks = self._of(schema, "")

    @property
    def branches(self) -> int:
        """Ways on each level, where the schema refers to itself: an estimate from above."""
        return 1 + self._choices if self._is_recursive else 1

    def _of(self, node: Json, at: str) -> int:
        if isinstance(node, list):
            self._choices += max(len(node) - 1, 0)
            return sum(self._of(each, f"{at}/{n}") for n, each in enumerate(node))
        if not isinstance(node, Mapping):
            return 0
        if at in self._open:
            self._is_recursive = True
            return 1
        if at not in self._known:
            if len(self._open) >= MAX_DEPTH:
                raise UnusableSchema(f"it is deeper than {MAX_DEPTH}, every reference followed")
            self._open.add(at)
            inner = sum(
                self._of(each, f"{at}/{_escaped(key)}")
                for key, each in node.items()
                if key not in _DATA
            )
            referred = sum(self._referred(node.get(key)) for key in _REFERENCES)
            self._known[at] = min(1 + inner + referred, MAX_LOOKS + 1)
            self._open.discard(at)
        return self._known[at]

    def _referred(self, target: Json) -> int:
        """What a reference leads to; one by a name may lead anywhere, at worst back to the root."""
        if not isinstance(target, str):
            return 0
        at = target.removeprefix("#") if target.startswith("#/") else ""
        found = _at(self._root, at)
        return self._of(self._root, "") if found is None else self._of(found, at)


def _at(root: JsonObject, pointer: str) -> Json:
    """What a JSON pointer in a reference leads to; None where it leads nowhere."""
    found: Json = root
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _depth(value: Json) -> int:
    level, depth = [value], 0
    while level:
        depth += 1
        level = [
            inner
            for node in level
            for inner in (
                node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
            )
        ]
    return depth
