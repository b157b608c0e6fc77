"""Both stores keep every promise of the port."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.ledger.port import Ledger
from interloom.runtime.testing import LEDGER_PROMISES, Promise

LIMIT_S = 10


@pytest.mark.parametrize("promise", LEDGER_PROMISES, ids=lambda each: each.__name__)
async def test_store_keeps_its_promise(ledger: Ledger, promise: Promise) -> None:
    with anyio.fail_after(LIMIT_S):
        await promise(ledger)
