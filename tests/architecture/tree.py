"""The source tree as the architecture tests see it: files, their syntax, who imports whom.

A module is named without `interloom.`, and a package's own file keeps its name, so that
`from interloom.bridges import McpClient` is an import of `bridges.__init__`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ("protos", "runtime", "bridges", "agents", "apps")
"""The source roots, each with its part of the namespace `interloom`."""

PREFIX: Final = "interloom."


def _files(*folders: str) -> list[str]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(str(path.relative_to(ROOT)) for path in found)


PRODUCT: Final = _files(*(f"{root}/interloom" for root in SOURCES))
"""What is installed: paths below the root of the repository."""
TESTS: Final = _files("tests")
EVERYTHING: Final = _files(*SOURCES, "tests", "bench")


def module_of(path: str) -> str:
    """`runtime/interloom/runtime/core/view.py` as `runtime.core.view`."""
    return path.removesuffix(".py").split("/interloom/")[1].replace("/", ".")


MODULES: Final = {module_of(path): path for path in PRODUCT}


@cache
def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def nodes(path: str) -> tuple[ast.AST, ...]:
    """Every node of a file, the ones inside functions too."""
    return tuple(ast.walk(ast.parse(text(path), path)))


@cache
def imports(path: str) -> frozenset[str]:
    """Full names of everything a file imports, wherever in the file it does so.

    `from a import b` counts as `a.b`, because `b` may be a module. A string that is the name of
    one of our modules counts too: that is how a module is imported late.
    """
    names: set[str] = set()
    for node in nodes(path):
        match node:
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom(level=0, module=str(module)):
                names |= {f"{module}.{alias.name}" for alias in node.names}
            case ast.Constant(value=str(value)) if value.startswith(PREFIX):
                names |= {value} if resolved(value) else set()
            case _:
                pass
    return frozenset(names)


def resolved(name: str) -> str | None:
    """The module of ours that a full name leads to, or None."""
    inner = name.removeprefix(PREFIX)
    parent = inner.rpartition(".")[0]
    candidates = (inner, f"{inner}.__init__", parent, f"{parent}.__init__")
    return next((each for each in candidates if each in MODULES), None)


@cache
def ours(path: str) -> frozenset[str]:
    """The modules of ours that a file imports; `?` in front of one that is not there."""
    return frozenset(
        resolved(name) or f"?{name}" for name in imports(path) if name.startswith(PREFIX)
    )


def packages(path: str) -> set[str]:
    """Top-level names of what a file imports from elsewhere."""
    return {name.split(".")[0] for name in imports(path)}


def functions(path: str) -> Iterator[tuple[str, int]]:
    """Every function of a file and its length in lines, decorators aside."""
    for node in nodes(path):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1
