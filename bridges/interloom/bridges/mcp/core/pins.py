"""What a tool's definition is remembered by. No I/O.

Source: ours; MCP 2026-07-28 server/tools calls definitions untrusted. A server may change what a
tool says or does after somebody agreed to it, and only a digest of all of it tells.
"""

from __future__ import annotations

from hashlib import sha256

import orjson

from interloom.runtime.values import JsonObject


def fingerprint(definition: JsonObject) -> str:
    """SHA-256 of a definition as JSON with sorted keys, hexadecimal."""
    return sha256(orjson.dumps(definition, option=orjson.OPT_SORT_KEYS)).hexdigest()
