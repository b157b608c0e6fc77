"""Compile a2a.proto into what the package ships: `a2a.binpb` and `a2a_pb2.pyi`.

Run by `make protos`. A test compiles again and compares, so neither file can fall behind the
source.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

SOURCE = Path(__file__).parent / "interloom" / "protos"
SERVICE_TYPE = "SERVICE: _descriptor.ServiceDescriptor\n"
"""The one public name of `a2a_pb2.py` that protoc does not know of."""


def compile_to(folder: Path) -> None:
    """Write `a2a.binpb` and `a2a_pb2.pyi` into `folder`.

    Source: `ours`; one descriptor set with everything a2a.proto imports, so that the classes can
    be built in an empty pool.

    Raises:
        subprocess.CalledProcessError: protoc refused the source; its own words are on stderr.
    """
    subprocess.run(  # noqa: S603 - our own arguments, no shell
        [
            sys.executable,
            *("-m", "grpc_tools.protoc"),
            f"--proto_path={SOURCE}",
            f"--proto_path={_common_protos()}",
            "--include_imports",
            f"--descriptor_set_out={folder / 'a2a.binpb'}",
            f"--pyi_out={folder}",
            "a2a.proto",
        ],
        check=True,
    )
    with (folder / "a2a_pb2.pyi").open("a", encoding="utf-8") as types:
        types.write(SERVICE_TYPE)


def _common_protos() -> Path:
    """The folder under which googleapis-common-protos keeps `google/api/*.proto`."""
    spec = find_spec("google.api")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("googleapis-common-protos is not installed")
    return Path(spec.submodule_search_locations[0]).parents[1]


if __name__ == "__main__":
    compile_to(SOURCE)
