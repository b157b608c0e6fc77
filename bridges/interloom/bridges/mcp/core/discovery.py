"""What a server says about itself. No I/O.

Source: MCP 2026-07-28, server/discover; `DiscoverResult` in schema.ts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from interloom.bridges.mcp.core.errors import BadResult
from interloom.bridges.mcp.core.frames import PREFIX
from interloom.runtime.values import Json, JsonObject

METHOD: Final = "server/discover"


@dataclass(frozen=True, slots=True)
class Discovery:
    """The answer to `server/discover`.

    Attributes:
        versions: Protocol versions the server speaks, in its order.
        capabilities: What it offers, by capability name.
        info: Its name and version, self-reported: for display, never for decisions.
        instructions: Its guidance for a model; None when it gives none.
    """

    versions: tuple[str, ...]
    capabilities: JsonObject
    info: JsonObject
    instructions: str | None


def read_discovery(result: JsonObject, *, server: str) -> Discovery:
    """Read a `DiscoverResult`.

    Raises:
        BadResult: A field has the wrong shape.
    """
    versions = result.get("supportedVersions")
    if not isinstance(versions, list) or not versions:
        raise BadResult(server, METHOD, "supportedVersions must be an array that is not empty")
    capabilities = result.get("capabilities")
    if not isinstance(capabilities, Mapping):
        raise BadResult(server, METHOD, "capabilities must be an object")
    instructions = result.get("instructions")
    if not (instructions is None or isinstance(instructions, str)):
        raise BadResult(server, METHOD, "instructions must be a string")
    return Discovery(
        versions=tuple(_version(version, server) for version in versions),
        capabilities=capabilities,
        info=_server_info(result),
        instructions=instructions,
    )


def _version(value: Json, server: str) -> str:
    if not isinstance(value, str):
        raise BadResult(server, METHOD, "supportedVersions must hold strings")
    return value


def _server_info(result: JsonObject) -> JsonObject:
    meta = result.get("_meta")
    info = meta.get(PREFIX + "serverInfo") if isinstance(meta, Mapping) else None
    return info if isinstance(info, Mapping) else {}
