"""YAML into plain JSON values, remembering on which line each of them stands.

Only the safe subset is read: mappings with text keys, lists, text, numbers, booleans, null. A file
is data from outside, so its size, depth and number of values are capped before anything is built.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from interloom.runtime.values import Json, JsonObject

Path: TypeAlias = tuple[str | int, ...]
"""Where a value stands: mapping keys and list indices from the root."""

MAX_DEPTH = 32
"""Levels of nesting. `interloom.yaml` needs six (ours)."""

MAX_VALUES = 20_000
"""Values after aliases are followed; stops a small file that unfolds to millions (ours)."""

MAX_SHOWN = 64
"""Characters of a name that a message repeats."""

_MAP = "tag:yaml.org,2002:map"
_SEQ = "tag:yaml.org,2002:seq"
_NAMED = re.compile(r"\b(alias|anchor|handle) .*")
"""A name the parser repeats; it may be the start of an unquoted password."""
_PLAIN_KEY = re.compile(r"[\w$-]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file.

    Attributes:
        line: Line of the file, from 1.
        path: Where in the document.
        rule: What is wrong, without the value.
    """

    line: int
    path: Path
    rule: str

    def located(self, file: str) -> str:
        """`file:line: key.path: rule`, on one line."""
        where = f"{file}:{self.line}"
        return f"{where}: {spell(self.path)}: {self.rule}" if self.path else f"{where}: {self.rule}"


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values and the line of each.

    Attributes:
        data: The root mapping.
        lines: Line of every value by path; for a mapping's entry the line of its key.
        problems: Values that were left out, and why.
    """

    data: JsonObject
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...] = ()

    def line(self, path: Path) -> int:
        """Line of the value at `path`, or of the nearest one around it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 1


class Unreadable(Exception):
    """The text is no document at all; carries the one problem that stopped the reading."""

    def __init__(self, line: int, rule: str) -> None:
        super().__init__(rule)
        self.problem = Problem(line, (), rule)


class _TooMany(Exception):
    """The document unfolds to more values than `MAX_VALUES`."""


class _Loader(yaml.SafeLoader):
    """YAML's safe loader without timestamps, so that a date stays the text it was written as."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own shape
        first: [rule for rule in rules if not rule[0].endswith(":timestamp")]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def spell(path: Path) -> str:
    """A path as a reader writes it: `agents.concierge.tools[0]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{quoted(step)}]"
    return text


def quoted(text: str) -> str:
    """A name from the file in quotes, on one line and not longer than a reader needs."""
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...")


def read(text: str) -> Document:
    """Read one YAML document whose root is a mapping.

    Raises:
        Unreadable: Not YAML, more than one document, no mapping, nested too deep or too large.
    """
    try:
        _measure(text)
        root = yaml.compose(text, Loader=_Loader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(line, "a character that YAML does not allow") from None
    except yaml.MarkedYAMLError as error:
        mark: yaml.Mark | None = error.problem_mark
        said = _NAMED.sub(r"\1", error.problem or "")
        raise Unreadable(mark.line + 1 if mark else 1, f"not YAML: {said}") from None
    if root is None or (isinstance(root, yaml.ScalarNode) and not root.value):
        raise Unreadable(1, "the file is empty")
    if not isinstance(root, yaml.MappingNode):
        kind = "a list" if isinstance(root, yaml.SequenceNode) else "a single value"
        raise Unreadable(_line(root), f"the file must hold a mapping of keys to values, not {kind}")
    builder = _Builder()
    try:
        data = builder.mapping(root, ())
    except _TooMany:
        raise Unreadable(1, f"aliases unfold to more than {MAX_VALUES} values") from None
    return Document(data, builder.lines, tuple(builder.problems))


def _measure(text: str) -> None:
    """Refuse nesting that would exhaust the stack, before anything recursive sees it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise Unreadable(_line(event), f"nested more than {MAX_DEPTH} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(marked: yaml.Node | yaml.Event) -> int:
    mark = marked.start_mark
    return mark.line + 1 if mark else 1


@dataclass(slots=True)
class _Builder:
    """Turns YAML nodes into values, collecting lines and problems on the way.

    `open_nodes` are the collections being built right now: an alias to one of them would never end.
    """

    lines: dict[Path, int] = field(default_factory=lambda: {(): 1})
    problems: list[Problem] = field(default_factory=list[Problem])
    open_nodes: list[yaml.Node] = field(default_factory=list[yaml.Node])
    values: int = 0

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Json]:
        """The entries of a mapping; a value with a problem is null."""
        built: dict[str, Json] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            at = (*path, key)
            if key in built:
                rule = f"duplicate key, first used on line {self.lines[at]}"
                self.problems.append(Problem(_line(key_node), at, rule))
                continue
            self.lines[at] = _line(key_node)
            built[key] = self._value(value_node, at)
        return built

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":str"):
            return str(node.value)
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":merge"):
            rule = "merge keys (<<) are not supported; write the entries out"
        else:
            rule = "a key must be text; put it in quotes"
        self.problems.append(Problem(_line(node), path, rule))
        return None

    def _value(self, node: yaml.Node, path: Path) -> Json:
        self.values += 1
        if self.values > MAX_VALUES:
            raise _TooMany
        if node in self.open_nodes:
            return self._refuse(path, "an alias to a value that contains it")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in {_MAP, _SEQ}:
            return self._refuse(path, "YAML tags are not supported")
        self.open_nodes.append(node)
        if isinstance(node, yaml.MappingNode):
            built: Json = self.mapping(node, path)
        else:
            built = self._sequence(node, path)
        self.open_nodes.pop()
        return built

    def _sequence(self, node: yaml.Node, path: Path) -> list[Json]:
        built: list[Json] = []
        for index, item in enumerate(node.value):
            at = (*path, index)
            self.lines[at] = _line(item)
            built.append(self._value(item, at))
        return built

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Json:
        text = str(node.value)
        match node.tag.rpartition(":")[2]:
            case "str":
                return text
            case "null":
                return None
            case "bool" | "int" | "float" as kind:
                number = _number(node, kind)
                if number is not None:
                    return number
                return self._refuse(path, "not a number this file can hold; put text in quotes")
            case _:
                return self._refuse(path, "YAML tags are not supported")

    def _refuse(self, path: Path, rule: str) -> Json:
        self.problems.append(Problem(self.lines[path], path, rule))
        return None


def _number(node: yaml.ScalarNode, kind: str) -> bool | int | float | None:
    """A boolean or finite number as YAML 1.1 reads it; None when it is none."""
    constructor = yaml.constructor.SafeConstructor()
    try:
        if kind == "bool":
            return constructor.construct_yaml_bool(node)
        if kind == "int":
            return constructor.construct_yaml_int(node)
        value = constructor.construct_yaml_float(node)
    except (ValueError, LookupError):
        return None
    return value if math.isfinite(value) else None
