"""The pure files do no I/O and ask no clock: by what they import, and by what they call."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.tree import MODULES, PRODUCT, imports, module_of, nodes, ours, packages

FOLDERS = ("runtime.core.", "runtime.model.", "runtime.wire.", "bridges.mcp.core.")
FILES = frozenset(
    {
        "runtime.errors",
        "runtime.ledger.rows",
        "runtime.client.addresses",
        "runtime.client.choose",
        "runtime.client.failures",
        "runtime.client.freshness",
        "runtime.client.replies",
        "runtime.client.seen",
        "bridges.handoff.questions",
        "bridges.handoff.pending",
        "bridges.handoff.failures",
        "bridges.handoff.doubt",
        "bridges.handoff.naming",
        "bridges.handoff.recovery",
        "bridges.delegation.child",
        "bridges.delegation.climbing",
        "bridges.delegation.depth",
        "bridges.delegation.outcome",
        "bridges.delegation.rows",
        "agents.results",
    }
)
LIBRARIES = frozenset(
    {
        "__future__",
        "base64",
        "binascii",
        "collections",
        "dataclasses",
        "datetime",
        "email",
        "enum",
        "functools",
        "google",
        "hashlib",
        "hmac",
        "ipaddress",
        "joserfc",
        "json",
        "jsonschema_rs",
        "math",
        "orjson",
        "pydantic",
        "pydantic_core",
        "re",
        "rfc8785",
        "types",
        "typing",
        "typing_extensions",
        "urllib",
    }
)
"""All that a pure file may import from elsewhere."""

CLASSES_FROM_A_FILE = frozenset({"protos.a2a_pb2"})
"""What the pure files that speak protobuf stand on: read when it is loaded, the same ever after."""

TYPES_OF_VALUES = frozenset({"Json", "JsonObject"})
"""What a pure file may take from `runtime.values`; the clock and the ids are handed to it."""

LOOKS_OUTSIDE = frozenset({"open", "print", "input", "now", "utcnow", "today", "hash", "id"})
"""Calls that read or change what is not an argument. `hash` differs from process to process."""

ANY = {"runtime/interloom/runtime/core/view.py": "it reads back JSON that `decide` wrote"}
"""Pure files that use `Any`, and why."""


def is_pure(module: str) -> bool:
    return module.startswith(FOLDERS) or module in FILES


PURE = [path for path in PRODUCT if is_pure(module_of(path))]


@pytest.mark.parametrize("path", PURE)
def test_pure_file_imports_only_what_computes(path: str) -> None:
    """DESIGN section 1: no I/O, clock, randomness, logging or event loop."""
    assert packages(path) - {"interloom"} <= LIBRARIES
    assert not {name for name in imports(path) if name.startswith("urllib.")} - {
        "urllib.parse.parse_qsl",
        "urllib.parse.unquote_to_bytes",
        "urllib.parse.urlsplit",
        "urllib.parse.urlunsplit",
    }


@pytest.mark.parametrize("path", PURE)
def test_pure_file_imports_only_pure_files_of_ours(path: str) -> None:
    """DESIGN section 1: purity is inherited or it is nothing."""
    taken = {name for name in imports(path) if name.startswith("interloom.runtime.values")}

    assert {name.rpartition(".")[2] for name in taken} <= TYPES_OF_VALUES
    allowed = CLASSES_FROM_A_FILE | {"runtime.values"}
    assert not [name for name in ours(path) if name not in allowed and not is_pure(name)]


@pytest.mark.parametrize("path", PURE)
def test_pure_file_calls_nothing_that_looks_outside(path: str) -> None:
    """DESIGN section 1: `now` and ids are arguments."""
    called = [node.func for node in nodes(path) if isinstance(node, ast.Call)]
    names = {each.id for each in called if isinstance(each, ast.Name)}
    names |= {each.attr for each in called if isinstance(each, ast.Attribute)}

    assert not names & LOOKS_OUTSIDE


@pytest.mark.parametrize("path", PURE)
def test_pure_file_says_what_it_takes_and_gives(path: str) -> None:
    """style: no `Any` in a core; foreign JSON is `Json` and is parsed once."""
    assert ("typing.Any" in imports(path)) == (path in ANY)


@pytest.mark.parametrize("name", sorted(FILES))
def test_pure_file_of_the_table_exists(name: str) -> None:
    """ours: a table that names what is gone guards nothing."""
    assert name in MODULES
