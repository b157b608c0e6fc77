"""Every engine that comes with the runtime passes every scenario its store allows.

Source: `interloom.runtime.testing.engines` (ours); an engine of one's own is held to them likewise.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module

import pytest

from interloom.runtime import testing
from interloom.runtime.testing.engine_house import Cluster
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


def _written() -> Iterator[Callable[..., object]]:
    """Every coroutine that is given a cluster and nothing else, wherever it stands in the kit."""
    for module in pkgutil.iter_modules(testing.__path__, f"{testing.__name__}."):
        if module.name.startswith(f"{testing.__name__}.engine_"):
            for name, found in inspect.getmembers(import_module(module.name)):
                if inspect.iscoroutinefunction(found) and not name.startswith("_"):
                    parameters = inspect.signature(found).parameters.values()
                    if [each.annotation for each in parameters] == [Cluster.__name__]:
                        yield found


def test_every_scenario_that_is_written_is_played() -> None:
    assert set(_written()) == set(SCENARIOS.values())
    assert {*scenarios(is_shared=False)} < {*scenarios(is_shared=True)} == {*SCENARIOS}
