"""Who works on a file of one host, and how others find out that a process is gone. Ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger import workers
from interloom.runtime.ledger.sqlite import SqliteLedger
from interloom.runtime.ledger.sqlite_file import SCHEMA
from interloom.runtime.ledger.workers import MAX_WORKERS, Workers, is_remote, kind_at

LEASE_S: Final = 60.0
MOUNTS: Final = [
    "22 1 0:21 / / rw,relatime - ext4 /dev/sda1 rw",
    "23 22 0:22 / /data rw,relatime shared:1 - nfs4 server:/export rw",
    "24 23 0:23 / /data/local\\040disk rw,relatime - xfs /dev/sdb1 rw",
    "a line that says nothing",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as opened:
        for script in SCHEMA:
            opened.executescript(script.read_text("utf-8"))
        yield opened


def names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM worker ORDER BY name")]


def test_process_that_let_go_of_its_lock_is_dead_at_once(
    path: Path, connection: sqlite3.Connection
) -> None:
    one, other = Workers(path, lease_s=LEASE_S), Workers(path, lease_s=LEASE_S)
    one.join(connection, "one")
    other.join(connection, "other")
    assert other.dead(connection, "other") == []

    one.close()

    assert other.dead(connection, "other") == ["one"]
    other.bury(connection, "other")
    assert names(connection) == ["other"]
    other.close()


def test_process_that_is_silent_for_a_lease_is_dead_though_it_holds_its_lock(
    path: Path, connection: sqlite3.Connection
) -> None:
    one, other = Workers(path, lease_s=LEASE_S), Workers(path, lease_s=LEASE_S)
    one.join(connection, "one")
    other.join(connection, "other")
    connection.execute("UPDATE worker SET beat_ms = beat_ms - 61000 WHERE name = 'one'")
    assert other.dead(connection, "other") == ["one"]

    assert one.beat(connection, "one")
    assert other.dead(connection, "other") == []
    connection.execute("DELETE FROM worker WHERE name = 'one'")
    assert not one.beat(connection, "one")
    one.close()
    other.close()


def test_runs_of_the_dead_are_nobodys(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO run (task, agent, state, attempt, worker, token)"
        " VALUES (1, 'echo', 'active', 1, 'one', 4), (2, 'echo', 'active', 1, 'other', 4)"
    )
    one, other = Workers(path, lease_s=LEASE_S), Workers(path, lease_s=LEASE_S)
    one.join(connection, "one")
    other.join(connection, "other")
    one.close()
    other.bury(connection, "other")

    left = connection.execute("SELECT task, worker, token FROM run ORDER BY task").fetchall()
    assert left == [(1, None, 4), (2, "other", 4)]
    other.close()


def test_lock_of_a_dead_process_is_used_again(path: Path, connection: sqlite3.Connection) -> None:
    first = Workers(path, lease_s=LEASE_S)
    first.join(connection, "first")
    first.close()
    second = Workers(path, lease_s=LEASE_S)
    second.join(connection, "second")

    assert names(connection) == ["second"]
    assert sorted(each.name for each in path.parent.glob("*.lock*")) == ["store.db.lock"]
    second.close()


def test_locks_are_readable_by_their_owner_alone(path: Path) -> None:
    workers = [Workers(path, lease_s=LEASE_S) for _ in range(2)]

    for lock in path.parent.glob("*.lock*"):
        assert lock.stat().st_mode & 0o077 == 0
    for each in workers:
        each.close()


def test_one_process_too_many_is_refused(path: Path) -> None:
    workers = [Workers(path, lease_s=LEASE_S) for _ in range(MAX_WORKERS)]

    with pytest.raises(BadConfig, match=f"{MAX_WORKERS} processes serve this store"):
        Workers(path, lease_s=LEASE_S)
    for each in workers:
        each.close()


def test_file_that_another_host_serves_is_refused(
    path: Path, connection: sqlite3.Connection
) -> None:
    elsewhere, here = Workers(path, lease_s=LEASE_S), Workers(path, lease_s=LEASE_S)
    elsewhere.join(connection, "elsewhere")
    connection.execute("UPDATE worker SET host = 'another boot of another kernel'")

    with pytest.raises(BadConfig, match="is served from another host"):
        here.join(connection, "here")

    connection.execute("UPDATE worker SET beat_ms = beat_ms - 61000")  # it was long ago
    here.join(connection, "here")
    assert names(connection) == ["here"]
    elsewhere.close()
    here.close()


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/ann", "ext4"),
        ("/data", "nfs4"),
        ("/data/shared", "nfs4"),
        ("/data/local disk/x", "xfs"),
        ("/database", "ext4"),
    ],
)
def test_file_system_is_that_of_the_nearest_mount(folder: str, kind: str) -> None:
    """proc(5), mountinfo."""
    assert kind_at(Path(folder), MOUNTS) == kind


def test_file_system_that_is_not_told_is_unknown() -> None:
    assert kind_at(Path("/anywhere"), []) == ""


def mounted_as(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Linux tell that a folder is on a file system of some kind."""
    mounts = folder / "mountinfo"
    mounts.write_text(f"{MOUNTS[0]}\n25 22 0:24 / {folder} rw shared:2 - {kind} server:/x rw\n")
    monkeypatch.setattr(workers, "_MOUNTS", mounts)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "fuse.of_next_year", "fuse"])
def test_file_on_a_network_file_system_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Nobody who has it open elsewhere would be seen."""
    mounted_as(kind, path.parent, monkeypatch)
    with pytest.raises(BadConfig) as caught:
        SqliteLedger(path)

    assert str(caught.value) == (
        f"{path}: is on a network file system ({kind}), where SQLite cannot keep its promises;"
        " use a local disk, or PostgreSQL"
    )


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (
            "ext4 xfs btrfs zfs tmpfs overlay 9p virtiofs fuseblk fuse.fuse-overlayfs fuse.ntfs-3g",
            False,
        ),
        ("nfs nfs4 cifs smb3 ceph lustre beegfs gfs2 davfs", True),
        ("fuse fuse.glusterfs fuse.s3fs fuse.rclone fuse.davfs fuse.anything", True),
    ],
)
def test_kind_of_file_system_says_whether_other_hosts_can_write_to_it(
    kinds: str, *, expected: bool
) -> None:
    """Linux's names of them; of those in user space only the known ones are taken for local."""
    assert {kind: is_remote(kind) for kind in kinds.split()} == dict.fromkeys(
        kinds.split(), expected
    )
