"""aiohttp wants asyncio, and only asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from interloom.runtime.net.pooled import PooledHttp


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def port() -> AsyncIterator[PooledHttp]:
    pooled = PooledHttp()
    yield pooled
    await pooled.aclose()
