"""The store that a configuration names: opened to work on it, or looked at from outside."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import NamedTuple

from interloom.apps import config_rules as rules
from interloom.apps.config import Config, load
from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.ledger.overview import Inspector
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.sqlite import LEASE_S, SqliteLedger
from interloom.runtime.ledger.sqlite_inspect import SqliteInspector

MEMORY = "memory:"
_FILE = "sqlite:///"


class Place(NamedTuple):
    """Where tasks are kept.

    Attributes:
        url: As the configuration has it; may hold a password.
        lease_s: Seconds after which a process that says nothing is taken for dead.
    """

    url: str
    lease_s: float = LEASE_S


def place_of(config: Config) -> Place:
    """Where a configuration keeps tasks."""
    return Place(config.store, config.lease)


def named(file: Path, url: str | None) -> Place:
    """The store that a command line names: by its URL, or by a configuration.

    Raises:
        BadConfig: Neither names one.
    """
    if url is None:
        return place_of(load(file, os.environ))
    try:
        rules.store_url(url)
    except ValueError as error:
        raise BadConfig(f"--store: {error}") from None
    return Place(url)


def opener(place: Place) -> Callable[[], Ledger]:
    """Opens the store, in an event loop; makes it where there is none.

    Raises:
        BadConfig: What it takes is not installed.
    """
    if place.url == MEMORY:
        return MemoryLedger
    path = _path(place.url)
    if path is not None:
        return lambda: SqliteLedger(path, lease_s=place.lease_s)
    try:  # here, so that a process without it needs none of its packages
        from interloom.runtime.ledger.postgres import PostgresLedger  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise _not_installed(missing) from None
    return lambda: PostgresLedger(place.url, lease_s=place.lease_s)


def inspector(place: Place) -> AbstractContextManager[Inspector]:
    """Looks at the store, and changes nothing.

    Raises:
        NoStore: There is none.
        BadConfig: It cannot be read.
    """
    if place.url == MEMORY:
        raise BadConfig("store: memory: is seen by nobody but the process that serves it")
    path = _path(place.url)
    if path is not None:
        return closing(SqliteInspector(path))
    try:  # as above
        from interloom.runtime.ledger.postgres_inspect import PostgresInspector  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise _not_installed(missing) from None
    return closing(PostgresInspector(place.url))


def _path(url: str) -> Path | None:
    """The file of an SQLite store; None where tasks are kept elsewhere."""
    return Path(url.removeprefix(_FILE)) if url.startswith(_FILE) else None


def _not_installed(missing: ModuleNotFoundError) -> BadConfig:
    said = f"store: PostgreSQL needs {missing.name}: pip install 'interloom[postgres]'"
    return BadConfig(said)
