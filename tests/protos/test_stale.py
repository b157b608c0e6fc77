"""What is committed is what a2a.proto compiles to, and it can be compiled anywhere."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

from interloom.protos import a2a_pb2

PROTOS = Path(__file__).parents[2] / "protos"
COMMITTED = PROTOS / "interloom" / "protos"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    runpy.run_path(str(PROTOS / "compile.py"))["compile_to"](folder)
    return folder


@pytest.mark.parametrize("name", ["a2a.binpb", "a2a_pb2.pyi"])
def test_committed_file_is_what_the_source_compiles_to(compiled: Path, name: str) -> None:
    """`ours`: after editing a2a.proto, run `make protos`."""
    assert (COMMITTED / name).read_bytes() == (compiled / name).read_bytes(), "run `make protos`"


def test_every_name_the_types_promise_exists() -> None:
    """`ours`: the stub is generated, the module is not; they could part."""
    stub = ast.parse((COMMITTED / "a2a_pb2.pyi").read_text(encoding="utf-8"))
    promised = {node.name for node in stub.body if isinstance(node, ast.ClassDef)} | {
        node.target.id
        for node in stub.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }

    assert len(promised) > 40
    assert not {name for name in promised if not hasattr(a2a_pb2, name)}
