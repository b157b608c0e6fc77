"""Who works on a store of one host: a row for each process, and a lock the kernel lets go with it.

Two things end a worker. When its process dies the kernel drops its lock, and the next who looks
knows at once. When it is frozen it keeps the lock but stops beating, and its lease runs out. Either
way its row is deleted, its runs are nobody's, and a run taken over has a new token: whatever the
old worker still writes for it is refused (`HoldRun`).

Time is the database's, so that two clocks are never compared; on one host there is one anyway.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.run_statements import disown
from interloom.runtime.ledger.sqlite_file import NOW_MS

MAX_WORKERS: Final = 64
"""Processes that may serve one file; each write waits for the others, so more would not help."""

_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")
_MOUNTS: Final = Path("/proc/self/mountinfo")
_POINT: Final = 4
"""Which field of a line of mountinfo is the mount point."""
_REMOTE: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda"}
    | {"ceph", "lustre", "gpfs", "ocfs2", "gfs2", "beegfs", "orangefs", "pvfs2", "davfs"}
)
"""File systems that other hosts can write to: SQLite's locks are not reliable there.

Not 9p and virtiofs: they are how one machine is given its folders by the one it runs on, as most
containers on a laptop are. A second machine there is found out by its row.
"""
_LOCAL_FUSE: Final = frozenset(
    {"fuse.bindfs", "fuse.cryfs", "fuse.encfs", "fuse.ext2", "fuse.exfat", "fuse.fuse-overlayfs"}
    | {"fuse.gocryptfs", "fuse.ntfs-3g", "fuse.zfs"}
)
"""Those of FUSE that are known to be on a disk of this host; most others are some server's."""


class Workers:
    """This process among those that serve a file."""

    def __init__(self, path: Path, *, lease_s: float) -> None:
        """Take a lock of this process's own.

        Args:
            path: The database file; `PATH.lock` and, for further processes, `PATH.lock-2` … are
                made beside it.
            lease_s: Seconds without a beat after which a worker is taken for dead.

        Raises:
            BadConfig: Too many processes serve the file, or it is on a network file system.
        """
        kind = _file_system(path)
        if is_remote(kind):
            raise BadConfig(
                f"{path}: is on a network file system ({kind}), where SQLite cannot keep its"
                " promises; use a local disk, or PostgreSQL"
            )
        self._path, self._lease_ms = path, int(lease_s * 1000)
        self._host = _host()
        self._slot, self._lock = self._take()

    def join(self, connection: sqlite3.Connection, name: str) -> None:
        """Sign in; whoever held this lock before is dead. Inside a transaction.

        Args:
            connection: To the file.
            name: Of this worker; unique among all there ever were.

        Raises:
            BadConfig: A process on another host serves the file.
        """
        self.bury(connection, name)
        self.check(connection)
        connection.execute(
            # made of constants; values are bound
            f"INSERT INTO worker (name, host, slot, beat_ms) VALUES (?, ?, ?, {NOW_MS})",  # noqa: S608
            (name, self._host, self._slot),
        )

    def check(self, connection: sqlite3.Connection) -> None:
        """See that nobody serves the file from another host.

        Raises:
            BadConfig: Somebody does.
        """
        ((elsewhere,),) = connection.execute(
            # made of constants; values are bound
            f"SELECT count(*) FROM worker WHERE host <> ? AND beat_ms >= {NOW_MS} - ?",  # noqa: S608
            (self._host, self._lease_ms),
        )
        if elsewhere:
            raise BadConfig(
                f"{self._path}: is served from another host; a file belongs to one, several need"
                " PostgreSQL"
            )

    def beat(self, connection: sqlite3.Connection, name: str) -> bool:
        """Say that this worker is alive; False when it was taken for dead meanwhile."""
        beaten = connection.execute(
            f"UPDATE worker SET beat_ms = {NOW_MS} WHERE name = ?",  # noqa: S608 - as above
            (name,),
        )
        return beaten.rowcount == 1

    def bury(self, connection: sqlite3.Connection, name: str) -> None:
        """Delete the rows of the other workers that are dead; their runs are nobody's."""
        for dead in self.dead(connection, name):
            self.leave(connection, dead)

    def dead(self, connection: sqlite3.Connection, name: str) -> list[str]:
        """The other workers that are dead."""
        others = connection.execute(
            f"SELECT name, host, slot, beat_ms < {NOW_MS} - ? FROM worker"  # noqa: S608 - as above
            " WHERE name <> ?",
            (self._lease_ms, name),
        ).fetchall()
        return [
            other
            for other, host, slot, is_silent in others
            if is_silent or (host == self._host and self._is_free(slot))
        ]

    def leave(self, connection: sqlite3.Connection, name: str) -> None:
        """Sign a worker out; the runs and posts it held are nobody's from now on."""
        connection.execute("DELETE FROM worker WHERE name = ?", (name,))
        disown(connection, name)

    def close(self) -> None:
        """Let go of the lock."""
        self._lock.close()

    def _take(self) -> tuple[int, TextIOWrapper]:
        for slot in range(1, MAX_WORKERS + 1):
            lock = _locked(self._lock_path(slot))
            if lock is not None:
                return slot, lock
        raise BadConfig(f"{self._path}: {MAX_WORKERS} processes serve this store already")

    def _is_free(self, slot: int) -> bool:
        """Whether nobody holds a lock; one of ours is a slot that a dead worker had before."""
        if slot == self._slot:
            return True
        lock = _locked(self._lock_path(slot))
        if lock is not None:
            lock.close()
        return lock is not None

    def _lock_path(self, slot: int) -> Path:
        suffix = ".lock" if slot == 1 else f".lock-{slot}"
        return self._path.with_name(self._path.name + suffix)


@contextmanager
def opening(path: Path) -> Generator[None]:
    """Let one process at a time open a file, or two that start at once would both make its tables.

    Raises:
        OSError: The lock file cannot be made.
    """
    with private(path.with_name(path.name + ".lock-0")).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def private(path: Path) -> Path:
    """Make a file, if there is none, that nobody but its owner may read, whatever the umask.

    Raises:
        OSError: It cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    return path


def _locked(path: Path) -> TextIOWrapper | None:
    """The file, locked for this process alone, or None when another has it."""
    try:
        lock = private(path).open("a")
    except OSError as error:
        raise BadConfig(f"{path}: cannot be made: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def _host() -> str:
    """This host since it was started: locks of another are none to us."""
    with suppress(OSError):
        return _BOOT.read_text("ascii").strip()
    return os.uname().nodename


def _file_system(path: Path) -> str:
    """The kind of file system a file is on, as Linux names it; empty where that is not told."""
    try:
        mounts = _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    return kind_at(path.resolve().parent, mounts)


def is_remote(kind: str) -> bool:
    """Whether a file system may be another host's too; one of FUSE is, unless it is known."""
    if kind == "fuse" or kind.startswith("fuse."):  # `fuseblk` is on a disk
        return kind not in _LOCAL_FUSE
    return kind in _REMOTE


def kind_at(folder: Path, mounts: list[str]) -> str:
    """The kind of the file system that holds a folder, by the lines of proc(5)'s mountinfo."""
    best, kind = -1, ""
    for line in mounts:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) <= _POINT or not after:
            continue
        point = Path(fields[_POINT].replace("\\040", " "))
        depth = len(point.parts)
        if depth >= best and (folder == point or point in folder.parents):
            best, kind = depth, after.split()[0]
    return kind
