"""A2A-Version: which protocol version a request speaks.

Source: A2A 1.0.1 section 3.6: `Major.Minor`, an empty value means 0.3, patch numbers do not
count; the header may be given as a query parameter of the same name instead.
"""

from __future__ import annotations

import re
from typing import Final

from interloom.runtime.errors import VersionNotSupported

SERVED: Final = "1.0"
"""The version the bindings serve."""


_PLAIN: Final = SERVED.encode()
_SERVED: Final = re.compile(rb"\s*1\.0(\.\d+)*\s*")


def check(requested: bytes) -> None:
    """Refuse a version that is not served.

    Args:
        requested: The header's value as received; empty when there is none, which means 0.3.

    Raises:
        VersionNotSupported: Anything but 1.0 or a patch of it.
    """
    if requested != _PLAIN and _SERVED.fullmatch(requested) is None:
        raise VersionNotSupported(
            f"this version of A2A is not served; send A2A-Version: {SERVED}",
            details={"supported": SERVED},
        )
