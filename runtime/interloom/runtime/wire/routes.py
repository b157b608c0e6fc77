"""Which operation an HTTP method and a path stand for: the method table, read as URLs.

Source: A2A 1.0.1 sections 5.3 and 11.3; the HTTP annotations of a2a.proto with the tenant of their
additional bindings; google.api.http for what a path template takes: a variable is one segment, and
what follows the last colon of the path names a verb of its own unless it is percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from interloom.runtime.errors import BadParams, MethodNotFound, VerbNotAllowed, Violation
from interloom.runtime.wire.methods import METHODS, Method

TENANT: Final = "/{tenant}"
"""What stands before a path that names a tenant."""


class Route(NamedTuple):
    """An operation, and the fields its path gave.

    Attributes:
        method: The operation's row.
        fields: By the name in the path's template: `{"task_id": "7"}`.
    """

    method: Method
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Place:
    """A path template, compiled.

    Attributes:
        pattern: Matches the paths; its groups are the template's variables.
        methods: By HTTP method.
    """

    pattern: re.Pattern[str]
    methods: Mapping[str, Method]


def _places() -> tuple[_Place, ...]:
    by_path: dict[str, dict[str, Method]] = {}
    for method in METHODS.values():
        for verb in (method.verb, *method.other_verbs):
            by_path.setdefault(method.path, {})[verb] = method
    # A path with a verb of its own would also fit one that ends in a variable.
    templates = sorted(by_path, key=lambda path: "}:" not in path)
    return tuple(
        _Place(re.compile(_pattern(prefix + path)), by_path[path])
        for prefix in ("", TENANT)
        for path in templates
    )


def _pattern(template: str) -> str:
    return re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)


_PLACES: Final = _places()


def route(verb: str, path: str) -> Route:
    """Find the operation.

    Args:
        verb: HTTP method.
        path: Below the agent's URL and still percent-encoded, so that a slash in an id is no
            boundary.

    Raises:
        MethodNotFound: There is nothing at the path.
        VerbNotAllowed: There is, but not for this HTTP method.
        BadParams: A field in the path is not UTF-8.
    """
    for place in _PLACES:
        found = place.pattern.fullmatch(path)
        if found is None:
            continue
        method = place.methods.get(verb)
        if method is None:
            allowed = ", ".join(place.methods)
            raise VerbNotAllowed(f"this path takes {allowed}", details={"allowed": allowed})
        return Route(method, {name: _read(name, raw) for name, raw in found.groupdict().items()})
    raise MethodNotFound("nothing is served at this path")


def _read(name: str, raw: str) -> str:
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        rule = "is not UTF-8"
        raise BadParams(f"{name}: {rule}", violations=(Violation(name, rule),)) from None
