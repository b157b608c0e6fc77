"""An agent to talk to."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.apps.fake_agent import FakeAgent, fake_agent


@pytest.fixture
def agent() -> Generator[FakeAgent]:
    with fake_agent() as served:
        yield served
