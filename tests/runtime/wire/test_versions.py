"""Only A2A 1.0 is spoken, and whoever speaks another version is told which."""

from __future__ import annotations

import pytest

from interloom.runtime.errors import VersionNotSupported
from interloom.runtime.wire.versions import check


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "1.0.1", "1.0.17", " 1.0 "])
def test_version_is_served_whatever_its_patch_number(version: str) -> None:
    """A2A 3.6: `Major.Minor` decides."""
    check(version.encode())


@pytest.mark.parametrize(
    "version",
    [
        "",
        " ",
        "0.3",
        "0.3.0",
        "1",
        "1.",
        "1.1",
        "1.00",
        "01.0",
        "2.0",
        "10.0",
        "1.0, 1.0",
        "v1.0",
        "1.0-rc",
        "latest",
        "1\x00.0",
        "1.0.",
        "1.0.x",
        "1.0\N{NO-BREAK SPACE}",
        "\N{FULLWIDTH DIGIT ONE}.0",
        "1.0" * 10_000,
    ],
)
def test_other_version_is_refused_with_the_one_that_is_served(version: str) -> None:
    """A2A 3.6.2: an empty value means 0.3; the refusal repeats nothing of the request."""
    with pytest.raises(VersionNotSupported) as refused:
        check(version.encode())

    assert str(refused.value) == "this version of A2A is not served; send A2A-Version: 1.0"
    assert refused.value.details == {"supported": "1.0"}
