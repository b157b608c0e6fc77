"""A file imports only downwards, and nothing imports in a circle."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import MODULES, PRODUCT, imports, module_of, nodes, ours, packages

FLOORS = (
    ("protos",),
    ("runtime.errors", "runtime.values"),
    ("runtime.model",),
    ("runtime.core", "runtime.wire"),
    ("runtime.telemetry",),
    ("runtime.net", "runtime.ledger"),
    ("runtime.engine",),
    ("runtime.serve", "runtime.client"),
    ("runtime.local",),
    ("runtime.testing",),
    ("runtime.__init__",),
    ("bridges.mcp.core",),
    ("bridges.mcp",),
    ("bridges.handoff",),
    ("bridges.delegation",),
    ("bridges.__init__",),
    ("agents",),
    ("apps",),
)
"""Lowest first. Those on one floor do not know of each other."""

LEVELS = {name: level for level, row in enumerate(FLOORS) for name in row}


def floor(module: str) -> str:
    """The entry of `FLOORS` a module belongs to, the longest that fits."""
    fitting = [name for name in LEVELS if f"{module}.".startswith(f"{name}.")]
    assert fitting, f"{module} is on no floor; give its folder one in FLOORS"
    return max(fitting, key=len)


@pytest.mark.parametrize("path", PRODUCT)
def test_file_imports_only_from_its_own_and_lower_floors(path: str) -> None:
    """DESIGN section 1."""
    own = floor(module_of(path))
    for module in ours(path):
        other = floor(module)
        assert other == own or LEVELS[other] < LEVELS[own], f"{path} looks up at {module}"


@pytest.mark.parametrize("name", LEVELS)
def test_floor_of_the_table_has_files(name: str) -> None:
    """ours: a table that names what is gone guards nothing."""
    assert any(floor(module) == name for module in MODULES)


@pytest.mark.parametrize("path", [path for path in PRODUCT if path.startswith("runtime/")])
def test_runtime_never_imports_bridges(path: str) -> None:
    """DESIGN section 1: A2A is served without a tool in sight."""
    assert not [name for name in ours(path) if not name.startswith(("runtime.", "protos."))]


def _reached(module: str) -> set[str]:
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        fresh = ours(MODULES[waiting.pop()]) - reached
        reached |= fresh
        waiting += fresh
    return reached


@pytest.mark.parametrize("path", PRODUCT)
def test_file_is_in_no_import_cycle(path: str) -> None:
    """DESIGN section 1: every import counts, late ones and those inside functions too."""
    module = module_of(path)
    circle = {each for each in _reached(module) if module in _reached(each)}
    assert not circle, f"{path} is in a circle with {sorted(circle)}"


@pytest.mark.parametrize("path", PRODUCT)
def test_import_of_ours_is_absolute_and_leads_somewhere(path: str) -> None:
    """DESIGN section 1: one spelling for every import, so that a search finds all of them."""
    assert not [name for name in ours(path) if name.startswith("?")]
    assert not [node for node in nodes(path) if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize("path", PRODUCT)
def test_types_are_imported_as_plainly_as_everything_else(path: str) -> None:
    """DESIGN section 1: `TYPE_CHECKING` hides a cycle instead of removing it."""
    assert "typing.TYPE_CHECKING" not in imports(path)
    assert not [
        node
        for node in nodes(path)
        if isinstance(node, ast.Name | ast.Attribute)
        and (node.id if isinstance(node, ast.Name) else node.attr) == "TYPE_CHECKING"
    ]


@pytest.mark.parametrize("path", PRODUCT)
def test_official_sdk_is_never_imported_by_the_product(path: str) -> None:
    """DESIGN section 7: they are peers in tests."""
    assert not packages(path) & {"a2a", "mcp", "mcp_types"}
