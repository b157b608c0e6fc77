"""A PostgreSQL server for tests: a private one from the machine's binaries, or the one of a URL.

`INTERLOOM_TEST_POSTGRES`, the URL of a server where databases may be made and dropped, wins. Else
the newest binaries of this machine make a cluster in a temporary folder. It ends with the process
that started it, however that ends: a shell waits for the end of a pipe, and cleans up.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from interloom.runtime.ledger.postgres_connection import connect
from interloom.runtime.ledger.postgres_schema import prepare

FROM_ENVIRONMENT: Final = "INTERLOOM_TEST_POSTGRES"
PASSWORD: Final = "of this cluster alone"  # noqa: S105 - it guards nothing
PATIENCE_S: Final = 30.0
NOT_TESTED: Final = "PostgreSQL is not tested: "
"""How each reason begins for which there is no server to test with."""
_ACCOUNT: Final = "postgres"
"""Whom the server runs as when we are root, which it refuses to run as."""

_SETTINGS: Final = (
    # Nothing outlives the tests, and `autovacuum` would be in the way of copying a database.
    "fsync = off\nfull_page_writes = off\nautovacuum = off\njit = off\nmax_connections = 200\n"
    "shared_buffers = 64MB\nlog_min_messages = fatal\nlisten_addresses = '127.0.0.1'\n"
)
_EMPTY: Final = """
    DO $$ DECLARE name TEXT; BEGIN
        PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid();
        FOR name IN SELECT queue_name FROM absurd.list_queues() LOOP
            PERFORM absurd.drop_queue(name);
        END LOOP;
        FOR name IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'interloom' AND tablename <> 'schema_version' LOOP
            EXECUTE format('DELETE FROM interloom.%I', name);
        END LOOP;
    END $$
"""
_GUARD: Final = (
    'bin=$1 folder=$2; "$bin/postgres" -D "$folder/data" >>"$folder/log" 2>&1 & server=$!\n'
    "if read -r _; then wait $server; exit; fi\n"
    'kill -QUIT $server 2>/dev/null; wait $server; rm -rf "$folder"\n'
)
"""Runs the server until it ends by itself, once a line was read, or until who writes is gone."""


Found = TypeVar("Found")


class NoPostgres(Exception):
    """Why there is no server to test with, and what to do about it."""


class Server:
    """A server on which databases may be made."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = count(1)
        self._origin = f"interloom_test_{os.getpid()}"
        self._made, self._stores = list[str](), list[str]()

    def of(self, database: str) -> str:
        """The URL of one of its databases."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    @contextmanager
    def database(self) -> Generator[str]:
        """The URL of a new database, which is dropped in the end whoever is connected."""
        name = f"{self._origin}_{next(self._numbers)}"
        self.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield self.of(name)
        finally:
            self.drop(name)

    @contextmanager
    def store(self) -> Generator[str]:
        """As `database`, with a store's tables; it is emptied in the end, and used again."""
        if not self._stores:
            name = f"{self._origin}_store_{next(self._numbers)}"
            self.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            self._made.append(name)
            with closing(connect(self.of(name))) as session:
                prepare(session)
            self._stores.append(name)
        name = self._stores.pop()
        yield self.of(name)
        with psycopg.connect(self.of(name), autocommit=True) as connection:
            connection.execute(_EMPTY)
        self._stores.append(name)

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected; nothing where there is none."""
        self.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Leave nothing."""
        for name in self._made:
            self.drop(name)

    def run(self, statement: sql.Composed) -> None:
        """Carry out one statement outside of the tests' databases."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


class Cluster(Server):
    """A server of our own, which may be stopped and started."""

    def __init__(self, binaries: Path, *, settings: str = "") -> None:
        self._binaries = binaries
        self._owner = _ACCOUNT if os.getuid() == 0 else None
        self.folder = Path(mkdtemp(prefix="interloom-pg-"))
        self._guard: subprocess.Popen[bytes] | None = None
        if self._owner is not None:
            shutil.chown(self.folder, self._owner, self._owner)
        try:
            self._make(settings)
            self.start()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def _make(self, settings: str) -> None:
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._call("initdb", "-D", str(self.folder / "data"), "-U", _ACCOUNT, "--no-sync")
        self.port = _free_port()
        with (self.folder / "data" / "postgresql.conf").open("a") as file:
            file.write(f"{_SETTINGS}unix_socket_directories = '{self.folder}'\n")
            file.write(f"port = {self.port}\n{settings}\n")
        super().__init__(f"postgresql://{_ACCOUNT}@/postgres?host={self.folder}&port={self.port}")

    def _call(self, program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603 - PostgreSQL's own
            [
                self._binaries / program,
                *arguments,
                *("--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8"),
                *("--locale=C", f"--pwfile={self.folder / 'secret'}"),
            ],
            user=self._owner,
            group=self._owner,
            extra_groups=[] if self._owner else None,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=4 * PATIENCE_S,
        )

    @property
    def tcp_url(self) -> str:
        """The server by host and port, where it asks for `PASSWORD`."""
        return f"postgresql://{_ACCOUNT}@127.0.0.1:{self.port}/postgres"

    @property
    def socket(self) -> Path:
        """Where it listens on this machine."""
        return self.folder / f".s.PGSQL.{self.port}"

    def start(self) -> None:
        """Start it unless it runs, again after `stop`, and wait until it answers."""
        if self._guard is not None:
            return
        guard = subprocess.Popen(  # noqa: S603 - the script above
            ["/bin/sh", "-c", _GUARD, "sh", str(self._binaries), str(self.folder)],
            stdin=subprocess.PIPE,
            user=self._owner,
            group=self._owner,
            extra_groups=[] if self._owner else None,
            cwd="/",
            start_new_session=True,  # an interrupt from the keyboard is for the tests
        )
        self._guard = guard
        until = monotonic() + PATIENCE_S
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                if monotonic() > until or guard.poll() is not None:
                    log = (self.folder / "log").read_text()
                    self.close()
                    said = f"{NOT_TESTED}a private server does not start: {log}"
                    raise NoPostgres(said) from None
                with suppress(subprocess.TimeoutExpired):
                    guard.wait(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it: SIGQUIT at once, as a crash would, SIGINT after ending what is connected."""
        guard, self._guard = self._guard, None
        if guard is not None and guard.stdin is not None:
            guard.stdin.write(b"wait\n")
            guard.stdin.flush()
            with suppress(ProcessLookupError, FileNotFoundError):
                os.kill(int((self.folder / "data" / "postmaster.pid").read_text().split()[0]), how)
            guard.wait(PATIENCE_S)
            guard.stdin.close()

    def close(self) -> None:
        """End it and remove all of it."""
        guard, self._guard = self._guard, None
        if guard is not None and guard.stdin is not None:
            guard.stdin.close()
            guard.wait(PATIENCE_S)
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _folders() -> Iterator[Path]:
    """Where server binaries may be, the likeliest first."""
    found = shutil.which("initdb")
    if found is not None:
        yield Path(found).resolve().parent
    config = shutil.which("pg_config")
    if config is not None:
        told = subprocess.run(  # noqa: S603 - the one on PATH
            [config, "--bindir"], capture_output=True, text=True, check=False
        )
        yield Path(told.stdout.strip())
    packaged = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(packaged, key=lambda each: float(each.parent.name), reverse=True)


def binaries() -> Path:
    """The folder with `initdb` and `postgres`.

    Raises:
        NoPostgres: There is none.
    """
    for folder in _folders():
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise NoPostgres(
        f"{NOT_TESTED}no initdb and postgres on PATH, by pg_config or in"
        f" /usr/lib/postgresql; install a server, or set {FROM_ENVIRONMENT} to a URL of one"
    )


@contextmanager
def cluster(*, settings: str = "") -> Generator[Cluster]:
    """A private server for one test, with lines for its `postgresql.conf`; it may be stopped.

    Raises:
        NoPostgres: There are no binaries.
    """
    made = Cluster(binaries(), settings=settings)
    try:
        yield made
    finally:
        made.close()


@cache
def shared() -> Server:
    """The server that all tests of this process share; it is started at the first call.

    Raises:
        NoPostgres: There is none.
    """
    url = os.environ.get(FROM_ENVIRONMENT)
    made = Server(url) if url else Cluster(binaries())
    atexit.register(made.close)
    return made


def asked(url: str, statement: str, *values: object) -> list[Any]:
    """What somebody finds who looks into a database, or changes it as an administrator might."""
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(statement.encode(), values or None)
        return found.fetchall() if found.description else []


def cut(url: str, *pids: int) -> None:
    """End a database's connections from the server's side; those of all unless told which."""
    asked(
        url,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND (%s OR pid = ANY(%s))",
        not pids,
        list(pids),
    )


def or_skip(get: Callable[[], Found]) -> Found:
    """What `get` gives; the test is skipped, with the reason, where there is no server."""
    try:
        return get()
    except NoPostgres as reason:
        pytest.skip(str(reason))
