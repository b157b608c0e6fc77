"""Stores that outlive their process: a file by its path, a database by its URL."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, overload

import anyio

from interloom.runtime.ledger.postgres import PostgresLedger
from interloom.runtime.ledger.sqlite import SqliteLedger

LIMIT_S: Final = 60
Place: TypeAlias = Path | str
OnDisk = TypeVar("OnDisk", SqliteLedger, PostgresLedger)


def store_at(place: Place) -> SqliteLedger | PostgresLedger:
    """Open what is there, for whoever closes it."""
    return SqliteLedger(place) if isinstance(place, Path) else PostgresLedger(place)


@overload
def opened(place: Path) -> AbstractAsyncContextManager[SqliteLedger]: ...
@overload
def opened(place: str) -> AbstractAsyncContextManager[PostgresLedger]: ...
def opened(
    place: Place,
) -> AbstractAsyncContextManager[SqliteLedger] | AbstractAsyncContextManager[PostgresLedger]:
    """A store until the block is left; what happens in it takes `LIMIT_S` seconds at most."""
    if isinstance(place, Path):
        return _until_left(SqliteLedger(place))
    return _until_left(PostgresLedger(place))


@asynccontextmanager
async def _until_left(ledger: OnDisk) -> AsyncGenerator[OnDisk]:
    try:
        with anyio.fail_after(LIMIT_S):
            yield ledger
    finally:
        await ledger.aclose()
