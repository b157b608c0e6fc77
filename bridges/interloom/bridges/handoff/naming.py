"""One name for each tool of many servers, for whoever is shown all of them: a model. No I/O.

Source: ours; MCP 2026-07-28 server/tools: a tool's name is unique within its server, and no
further. A hostile server must not be able to offer a tool under the name of another's. So a name
follows from its server and tool alone, whatever else is offered, and no two of them have one.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

import orjson

MAX_CHARS: Final = 64
"""Characters of a name, letters, digits, `_` and `-`: what makers of models take."""

_BETWEEN: Final = "__"
_DIGEST_CHARS: Final = 16
_PLAIN: Final = re.compile(r"[A-Za-z0-9-]+(_[A-Za-z0-9-]+)*")
_OTHER: Final = re.compile(r"[^A-Za-z0-9-]+")


def offered_name(server: str, tool: str) -> str:
    """`server__tool`; where that would not do, what is readable of it and a digest.

    A plain name has `__` in one place and one with a digest in two, so neither is taken for the
    other: `flights__book`, `flights__book__0f3a9c…`.
    """
    plain = f"{server}{_BETWEEN}{tool}"
    is_plain = all(_PLAIN.fullmatch(part) for part in (server, tool))
    if is_plain and len(plain) <= MAX_CHARS:
        return plain
    digest = sha256(orjson.dumps([server, tool])).hexdigest()[:_DIGEST_CHARS]
    room = (MAX_CHARS - _DIGEST_CHARS - 2 * len(_BETWEEN)) // 2
    parts = [_readable(part, room) for part in (server, tool)]
    return _BETWEEN.join([*parts, digest])


def _readable(part: str, room: int) -> str:
    return _OTHER.sub("-", part)[:room].strip("-") or "x"
