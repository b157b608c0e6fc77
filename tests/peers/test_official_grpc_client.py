"""The official A2A SDK's client over gRPC against our server: the judge's checks, each a test.

Source: a2a-sdk 1.3; what each check holds to is in `tests.peers.conformance.sdk_checks`.
"""

from __future__ import annotations

from collections.abc import Generator

import anyio
import pytest

from tests.peers.conformance.sdk_checks import CHECKS
from tests.peers.conformance.sdk_peer import connected
from tests.peers.conformance.served import Served, fixture

BOUND_S = 60.0


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=CHECKS)
def served(request: pytest.FixtureRequest) -> Generator[tuple[str, Served]]:
    card: str = request.param
    with fixture("--grpc-port", "0", FIXTURE_CARD=card) as here:
        yield card, here


async def test_official_client_sees_what_it_should_over_grpc(served: tuple[str, Served]) -> None:
    card, here = served
    async with connected(here, "GRPC") as peer:
        for check in CHECKS[card]:
            with anyio.fail_after(BOUND_S):
                await check(peer)
