"""The official a2a-sdk's client, over all three bindings of one process.

Source: A2A 1.0.1 section 5.1: equal results and equal errors on every binding.
"""

from __future__ import annotations

from collections.abc import Awaitable

import anyio

from tests.peers.conformance.score import Score
from tests.peers.conformance.sdk_checks import CHECKS
from tests.peers.conformance.sdk_peer import BINDINGS, connected
from tests.peers.conformance.served import fixture

BOUND_S = 30.0
"""Seconds one check may take."""


def a2a_sdk() -> Score:
    """Do every check on every binding, with the card it is for."""
    return anyio.run(_judge)


async def _judge() -> Score:
    found: dict[str, str] = {}
    for card, checks in CHECKS.items():
        with fixture("--grpc-port", "0", FIXTURE_CARD=card) as served:
            for binding in BINDINGS:
                async with connected(served, binding) as peer:
                    for check in checks:
                        found[f"{binding}: {check.__name__}"] = await _fault(check(peer))
    faults = {name: fault for name, fault in found.items() if fault}
    return Score(len(found) - len(faults), len(found), faults)


async def _fault(check: Awaitable[None]) -> str:
    """Why a check did not pass; empty when it did."""
    try:
        with anyio.fail_after(BOUND_S):
            await check
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | anyio.get_cancelled_exc_class()):
            raise
        return f"{type(error).__name__}: {error}".partition("\n")[0]
    return ""
