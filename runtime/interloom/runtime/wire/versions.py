"""A2A-Version: which protocol version a request speaks.

Source: A2A 1.0.1 section 3.6: `Major.Minor`, an empty value means 0.3, patch numbers do not
count; the header may be given as a query parameter of the same name instead.
"""

from __future__ import annotations

from typing import Final

from interloom.runtime.errors import VersionNotSupported

SERVED: Final = "1.0"
"""The version the bindings serve."""
WHEN_ABSENT: Final = "0.3"


def check(requested: str) -> None:
    """Refuse a version that is not served.

    Raises:
        VersionNotSupported: Anything but 1.0 or a patch of it.
    """
    parts = (requested.strip() or WHEN_ABSENT).split(".")
    if parts[:2] != SERVED.split("."):
        raise VersionNotSupported(
            f"this version of A2A is not served; send A2A-Version: {SERVED}",
            details={"supported": SERVED},
        )
