"""Every engine that comes with the runtime passes every scenario its store allows.

Source: `interloom.runtime.testing.engines` (ours); an engine of one's own is held to them likewise.
"""

from __future__ import annotations

import pytest

from interloom.runtime.testing.engines import SCENARIOS, play, scenarios
from tests.runtime.engine.house import Store


@pytest.mark.parametrize("name", scenarios(is_shared=False))
async def test_engine_keeps_its_promise(name: str, store: Store) -> None:
    await play(name, store)


@pytest.mark.parametrize("name", sorted(set(SCENARIOS) - set(scenarios(is_shared=False))))
async def test_engine_of_several_processes_keeps_its_promise(
    name: str, shared_store: Store
) -> None:
    await play(name, shared_store)


def test_engine_whose_store_is_shared_has_every_scenario_to_pass() -> None:
    assert scenarios(is_shared=True) == tuple(SCENARIOS)
    assert len(SCENARIOS) >= 60
