"""`${NAME}` and `${NAME:-default}` in a configuration's text values.

Source: ours, after the two forms that MCP clients share; `${env:NAME}` is the same as `${NAME}`,
so that a pasted `mcpServers` block works. `$${` is a literal `${`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from interloom.apps.yaml_marks import Document, Path, Problem
from interloom.runtime.values import Json

_REFERENCE = re.compile(r"(?P<literal>\$\$\{)|\$\{(?P<inside>[^}]*)(?P<end>\}?)")
_NAME = re.compile(r"(?:env:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Expanded:
    """A document after expansion.

    Attributes:
        document: The same document with the environment's values in place.
        written: What the file says, by path, where it differs from the value: fit to be shown.
    """

    document: Document
    written: Mapping[Path, str]


def expand(document: Document, env: Mapping[str, str]) -> Expanded:
    """Replace every reference by the environment's value; a missing one is a problem.

    A value is expanded once: what comes out of the environment is never looked at again.
    """
    walk = _Walk(document, env)
    data = {key: walk.value(value, (key,)) for key, value in document.data.items()}
    problems = (*document.problems, *walk.problems)
    return Expanded(replace(document, data=data, problems=problems), walk.written)


@dataclass(slots=True)
class _Walk:
    document: Document
    env: Mapping[str, str]
    problems: list[Problem] = field(default_factory=list[Problem])
    written: dict[Path, str] = field(default_factory=dict[Path, str])

    def value(self, value: Json, path: Path) -> Json:
        if isinstance(value, str):
            return self._text(value, path)
        if isinstance(value, Mapping):
            return {key: self.value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _text(self, text: str, path: Path) -> str:
        if "${" not in text:
            return text
        self.written[path] = text
        return _REFERENCE.sub(lambda found: self._reference(found, path), text)

    def _reference(self, found: re.Match[str], path: Path) -> str:
        if found["literal"]:
            return "${"
        parsed = _NAME.fullmatch(found["inside"])
        if parsed is None or not found["end"]:
            rule = "a reference is written ${NAME} or ${NAME:-default}; $${ is a literal ${"
            self.problems.append(Problem(self.document.line(path), path, rule))
            return ""
        value, default = self.env.get(parsed["name"]), parsed["default"]
        if default is not None:
            return value or default
        if value is None:
            rule = f"environment variable {parsed['name']} is not set"
            self.problems.append(Problem(self.document.line(path), path, rule))
            return ""
        return value
