"""`interloom db` and `interloom top` on real stores, in use and not.

Source: ours; docs/operations.md and README's exit codes.
"""

from __future__ import annotations

import os
import pty
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

import anyio
import orjson
import pytest

from interloom.apps.commands.top import CLEAR
from interloom.apps.stores import Place, inspector, opener
from interloom.apps.tables import lasting, size
from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.errors import BadConfig, NoStore
from interloom.runtime.ledger.port import Ledger
from interloom.runtime.ledger.rows import MovePush, PutPush
from interloom.runtime.ledger.sqlite_file import APPLICATION_ID, SCHEMA, SCHEMA_VERSION
from interloom.runtime.model import TaskState
from interloom.runtime.testing.clock import START
from interloom.runtime.testing.ledger_pushes import push
from interloom.runtime.testing.samples import creation, move, record
from tests.apps.command_line import run

BOUND_S = 30.0


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    return str(request.getfixturevalue("store_url"))


async def _fill(ledger: Ledger) -> None:
    """A worker with a run, somebody who waits, one that is over, and a dead letter."""
    await ledger.join("worker-1", lambda: None)
    for task_id in ("works", "waits", "done"):
        await ledger.commit(*creation(record(task_id)))
    await ledger.commit(move(1, "waits", state=TaskState.INPUT_REQUIRED))
    row = push("config-1", "done")
    await ledger.commit(PutPush(row, limit=9), move(1, "done", state=TaskState.COMPLETED))
    letter = Undelivered("done", row.id, 1, START, "it answered 410")
    await ledger.commit(MovePush(row, row.progress._replace(done=1), letter))
    await ledger.commit(PutPush(push("config-1", "waits"), limit=9))


def with_store(url: str, work: Callable[[Ledger], Awaitable[None]]) -> None:
    async def opened() -> None:
        ledger = opener(Place(url))()
        try:
            await work(ledger)
        finally:
            await ledger.aclose()

    anyio.run(opened)


def while_served(url: str, *args: str) -> str:
    """What a command says of a store that a worker has open; it must go well."""
    said: list[str] = []

    async def look(ledger: Ledger) -> None:
        await _fill(ledger)
        result = await anyio.to_thread.run_sync(lambda: run(*args, "--store", url))
        assert result.exit_code == 0, result.stderr
        said.append(result.stdout)

    with_store(url, look)
    return said[0]


def test_status_says_what_a_store_in_use_holds(url: str) -> None:
    lines = while_served(url, "db", "status").splitlines()
    words = [line.split() for line in lines]
    assert ["tasks", "agent", "state", "tasks"] in words
    assert ["echo", "input", "required", "1"] in words
    assert ["echo", "completed", "1"] in words
    assert ["runs", "agent", "state", "runs"] in words
    assert any(line.startswith("workers") for line in lines)
    assert any("worker-1" in line and "ago" in line for line in lines)
    assert ["outbox", "1", "to", "be", "posted", "to,", "1", "dead", "letters"] in words
    assert any(line.startswith("schema") and line.endswith("(current)") for line in lines)


@pytest.mark.parametrize("command", [("db", "status"), ("top",)])
def test_status_is_data_for_a_script(url: str, command: tuple[str, ...]) -> None:
    told = orjson.loads(while_served(url, *command, "-o", "json"))
    assert told["schema"]["version"] == told["schema"]["current"]
    assert told["kind"] == urlsplit(url).scheme
    assert {(each["state"], each["number"]) for each in told["tasks"]} == {
        ("TASK_STATE_WORKING", 1),
        ("TASK_STATE_INPUT_REQUIRED", 1),
        ("TASK_STATE_COMPLETED", 1),
    }
    assert [each["name"] for each in told["workers"]] == ["worker-1"]
    assert (told["outbox"], told["undelivered"]) == (1, 1)
    assert told["waitingS"] > 0
    assert told["sizeBytes"] > 0
    assert ("eventsPerS" in told) is (command == ("top",))


def test_top_looks_once_where_nobody_reads(url: str) -> None:
    """Otherwise a script that calls it would never end."""
    said = while_served(url, "top")
    assert said.splitlines()[-1].endswith(" a second")
    assert "\x1b" not in said


def test_top_is_drawn_anew_on_a_terminal_until_ctrl_c(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with_store(f"sqlite:///{path}", _fill)
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "interloom.apps.cli", "top", "--every", "0.2"]
    command += ["--store", f"sqlite:///{path}"]
    with subprocess.Popen(command, stdout=slave) as process:  # noqa: S603 - this Python, these words
        watchdog = Timer(BOUND_S, process.kill)
        watchdog.start()
        seen = b""
        while seen.count(CLEAR.encode()) < 3:
            seen += os.read(master, 65536)
        process.send_signal(signal.SIGINT)
        assert process.wait(BOUND_S) == 0
        watchdog.cancel()
    os.close(slave)
    os.close(master)
    assert b"dead letters" in seen


def test_no_password_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("db", "status", "--store", "postgresql://ann:hunter2@127.0.0.1:1/x")
    assert result.exit_code == 2
    assert "127.0.0.1:1/x" in result.stderr
    assert "hunter2" not in result.output


def test_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none.db"
    for command in ("db status", "db undelivered", "db prune --older-than 1d", "top"):
        result = run(*command.split(), "--store", url)
        said = f"error: {tmp_path}/none.db: there is no such store\n"
        assert (result.exit_code, result.stderr) == (2, said)
    assert list(tmp_path.iterdir()) == []


def test_store_in_memory_is_nobody_elses_to_see() -> None:
    result = run("db", "status", "--store", "memory:")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: store: memory: is seen by nobody but")


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (id)")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.execute("CREATE TABLE task (id)")


def _corrupt(path: Path) -> None:
    path.write_bytes(b"this is no database, however long it goes on " * 100)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_foreign, "is a database, but not a store of Interloom"),
        (_newer, f"has schema {SCHEMA_VERSION + 1}; this version reads schema {SCHEMA_VERSION}"),
        (_corrupt, "cannot be opened as a store: file is not a database"),
    ],
)
@pytest.mark.parametrize("command", ["db status", "db upgrade", "db prune --older-than 1d", "top"])
def test_file_that_is_no_store_of_ours_is_refused_in_a_line(
    tmp_path: Path, spoil: Callable[[Path], None], said: str, command: str
) -> None:
    path = tmp_path / "store.db"
    spoil(path)
    before = path.read_bytes()
    result = run(*command.split(), "--store", f"sqlite:///{path}")
    assert (result.exit_code, result.stderr) == (2, f"error: {path}: {said}\n")
    assert path.read_bytes() == before


def _older(path: Path) -> None:
    """A store as the first version made it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA[0].read_text("utf-8"))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")


def test_older_store_is_told_of_and_brought_up_to_date_on_demand(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    _older(path)
    url = f"sqlite:///{path}"

    status = run("db", "status", "--store", url)
    assert f"schema    1 (of {SCHEMA_VERSION}: run `interloom db upgrade`)" in status.stdout
    upgraded = run("db", "upgrade", "--store", url)
    assert upgraded.stdout == f"{path}: schema 1 -> {SCHEMA_VERSION}\n"
    again = run("db", "upgrade", "--store", url)
    assert again.stdout == f"{path}: schema {SCHEMA_VERSION}\n"


@pytest.mark.parametrize(
    "command",
    ["db prune --older-than 1d --dry-run", "db prune --older-than 1d", "db undelivered"],
)
def test_older_store_is_upgraded_by_no_command_that_is_not_asked_to(
    tmp_path: Path, command: str
) -> None:
    """There is no way back, and processes of the version before may serve it."""
    path = tmp_path / "store.db"
    _older(path)
    before = path.read_bytes()
    result = run(*command.split(), "--store", f"sqlite:///{path}")
    said = f"has schema 1 of {SCHEMA_VERSION}: run `interloom db upgrade`"
    assert (result.exit_code, result.stderr) == (2, f"error: {path}: {said}\n")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_store_that_is_not_there_is_told_from_one_that_cannot_be_read(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """By the kind of the error: there may be a path in its words, or a server's own."""
    if kind == "sqlite":
        place, odd = Place(f"sqlite:///{tmp_path}/none.db"), tmp_path / "there is no hope.db"
        _corrupt(odd)
        unreadable = Place(f"sqlite:///{odd}")
    else:
        place = Place(str(request.getfixturevalue("database_url")))
        unreadable = Place("postgresql://127.0.0.1:1/there is no hope")
    with pytest.raises(NoStore):
        inspector(place)
    with pytest.raises(BadConfig) as refused:
        inspector(unreadable)
    assert not isinstance(refused.value, NoStore)


def test_upgrade_makes_a_store_where_there_is_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    made = run("db", "upgrade", "--store", url)
    assert (made.exit_code, made.stderr) == (0, "")
    assert "schema 0 -> " in made.stdout
    assert "tasks     none" in run("db", "status", "--store", url).stdout


def test_prune_deletes_what_it_first_said_it_would(url: str) -> None:
    with_store(url, _fill)
    said = "1 tasks and 0 messages answered at once"

    dry = run("db", "prune", "--older-than", "1d", "--dry-run", "--store", url)
    assert dry.stdout == f"{said} would be deleted\n"
    done = run("db", "prune", "--older-than", "1d", "--batch", "1", "--store", url)
    assert done.stdout == f"{said} deleted\n"
    left = orjson.loads(
        run("db", "prune", "--older-than", "1d", "-o", "json", "--store", url).stdout
    )
    assert left == {"dryRun": False, "tasks": 0, "replies": 0}
    status = orjson.loads(run("db", "status", "-o", "json", "--store", url).stdout)
    assert {each["state"] for each in status["tasks"]} == {
        "TASK_STATE_WORKING",
        "TASK_STATE_INPUT_REQUIRED",
    }


def test_prune_goes_by_the_configuration_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "interloom.yaml"
    config.write_text('agents: {a: {use: "a:a"}}\nstore: sqlite:///store.db\n', "utf-8")
    with_store("sqlite:///store.db", _fill)

    refused = run("db", "prune")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: --older-than: is needed")
    config.write_text(config.read_text("utf-8") + "retention: {finished: 30d}\n", "utf-8")
    assert run("db", "prune").stdout.startswith("1 tasks ")
    by_url = run("db", "prune", "--store", "sqlite:///store.db")
    assert by_url.stdout.startswith("0 tasks ")


@pytest.mark.parametrize("text", ["store: ${NOT_SET_ANYWHERE}\n", "agents: {a: {us"])
@pytest.mark.parametrize(
    "command", ["db status", "db undelivered", "db upgrade", "db prune --older-than 1d", "top"]
)
def test_store_that_is_named_by_its_url_needs_no_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, text: str
) -> None:
    """docs/operations.md: `--store URL` without one, also where one lies about that is broken."""
    monkeypatch.chdir(tmp_path)
    with_store("sqlite:///store.db", _fill)
    (tmp_path / "interloom.yaml").write_text(text, "utf-8")

    result = run(*command.split(), "--store", "sqlite:///store.db")
    assert (result.exit_code, result.stderr.count("interloom.yaml")) == (0, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "--older-than: is needed"),
        ("agents: {a: {use: 'a:a'}}\n", "--older-than: is needed"),
        ("agents: {a: {us", "interloom.yaml:1"),
    ],
)
def test_prune_of_a_store_named_by_its_url_needs_an_age_from_somewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with_store("sqlite:///store.db", _fill)
    if text is not None:
        (tmp_path / "interloom.yaml").write_text(text, "utf-8")

    result = run("db", "prune", "--store", "sqlite:///store.db")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {said}")


def test_age_in_no_unit_is_refused(url: str) -> None:
    result = run("db", "prune", "--older-than", "30", "--store", url)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --older-than: must be a length of time like")


def test_dead_letters_are_listed(url: str) -> None:
    with_store(url, _fill)
    listed = run("db", "undelivered", "--store", url)
    assert listed.stdout == "2026-07-28 12:00:00  done  config-1  1  it answered 410\n"
    told = orjson.loads(run("db", "undelivered", "-o", "json", "--store", url).stdout)
    assert told == {
        "undelivered": [
            {
                "taskId": "done",
                "pushId": "config-1",
                "seq": 1,
                "at": "2026-07-28T12:00:00+00:00",
                "reason": "it answered 410",
            }
        ]
    }


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (200, "3 m 20 s"), (7260, "2 h 1 m"), (190_000, "2 d 4 h")],
)
def test_length_of_time_is_told_in_two_units(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KB"), (5 * 1024**3, "5.0 GB")]
)
def test_size_is_told_in_the_largest_unit(count: int, said: str) -> None:
    assert size(count) == said
