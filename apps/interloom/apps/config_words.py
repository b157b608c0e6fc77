"""A broken rule of the configuration's schema in words that tell a person what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from interloom.apps.yaml_marks import Document, Path, Problem, quoted

Context = Mapping[str, object]

_MAPPING = "must be a mapping of keys to values"
_WHOLE = "must be a whole number"
_BOOLEAN = "must be true or false"

_TOKENS = ("server", "tokens")

_FIXED: Mapping[str, str] = {
    "missing": "is required",
    "string_type": "must be text; put it in quotes",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "has a character that is not allowed here",
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list",
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "too_short": "must not be empty",
}

_FITTED: Mapping[str, Callable[[Context], str]] = {
    "literal_error": lambda context: f"must be {context.get('expected')}",
    "greater_than": lambda context: f"must be more than {_number(context.get('gt'))}",
    "greater_than_equal": lambda context: f"must be at least {_number(context.get('ge'))}",
    "less_than_equal": lambda context: f"must be at most {_number(context.get('le'))}",
    "value_error": lambda context: str(context.get("error")),
}


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """One finding of the schema.

    Attributes:
        kind: Pydantic's name of the rule.
        loc: Pydantic's path; behind the name of an agent or an MCP server stands its kind.
        context: The rule's parameters.
    """

    kind: str
    loc: Path
    context: Context

    @property
    def path(self) -> Path:
        """The path in the file."""
        path = self.loc[:2] + self.loc[3:] if self._kind else self.loc
        return path[:-1] if self.is_key else path

    @property
    def block(self) -> tuple[str, ...]:
        """The mapping the finding is in: its place, or for a named entry its kind."""
        if self.loc[:2] == _TOKENS:  # behind which stands a caller's name
            return _TOKENS
        steps = (self.loc[0], self._kind, *self.loc[3:-1]) if self._kind else self.loc[:-1]
        return tuple(step for step in steps if isinstance(step, str))

    @property
    def is_key(self) -> bool:
        """True when the key itself, not its value, breaks the rule."""
        return self.loc[-1:] == ("[key]",)

    @property
    def _kind(self) -> str:
        named = self.loc[:1] in {("agents",), ("mcpServers",)} and self.loc[2:3] != ("[key]",)
        return "".join(str(step) for step in self.loc[2:3]) if named else ""


def explain(
    broken: Sequence[BrokenRule],
    keys: Mapping[tuple[str, ...], Sequence[str]],
    document: Document,
) -> list[Problem]:
    """Findings as problems at their lines.

    Args:
        broken: What the schema found.
        keys: The keys each mapping may have, by `BrokenRule.block`.
        document: Where the lines are; a value it already has a problem with gets no second one.
    """
    known = {each.path for each in document.problems if each.line == document.line(each.path)}
    meant = {
        (*rule.path[:-1], name)
        for rule in broken
        if rule.kind == "extra_forbidden"
        for name in _close(str(rule.path[-1]), keys.get(rule.block, ()))
    }
    return [
        Problem(document.line(rule.path), rule.path, _words(rule, keys))
        for rule in broken
        # A misspelt key is also a missing one: saying so once is enough.
        if rule.path not in known and not (rule.kind == "missing" and rule.path in meant)
    ]


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """Problems in the order of the file, each once."""
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.line)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or nothing when no known word is close."""
    close = _close(word, known)
    return f"; did you mean {quoted(close[0])}?" if close else ""


def _words(rule: BrokenRule, keys: Mapping[tuple[str, ...], Sequence[str]]) -> str:
    if rule.kind == "extra_forbidden":
        return f"unknown key{suggestion(str(rule.path[-1]), keys.get(rule.block, ()))}"
    if rule.is_key:
        return "this name has a character that is not allowed, or is too long"
    fitted = _FITTED.get(rule.kind)
    return fitted(rule.context) if fitted else _FIXED.get(rule.kind, "has a value not allowed here")


def _close(word: str, known: Iterable[str]) -> list[str]:
    """The known word nearest to `word`; case, dashes and underscores do not count."""
    folded = {_fold(candidate): candidate for candidate in known}
    return [folded[found] for found in get_close_matches(_fold(word), folded, n=1, cutoff=0.6)]


def _fold(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
