"""`interloom db`: look after a store."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import anyio
import click
import orjson

from interloom.apps import config_rules as rules
from interloom.apps import options
from interloom.apps.config import load
from interloom.apps.failures import told
from interloom.apps.stores import Place, inspector, named, opener
from interloom.apps.tables import as_data, as_lines, look
from interloom.apps.terminal import emit, emit_json, say
from interloom.runtime.core.outbox import Undelivered
from interloom.runtime.engine.retention import BATCH, over_before, prune
from interloom.runtime.errors import BadConfig, NoStore
from interloom.runtime.ledger.overview import Inspector
from interloom.runtime.ledger.rows import Pruned


@click.group()
def db() -> None:
    """Look after the store of a configuration: look at it, bring it up to date, delete."""


@db.command()
@options.file
@options.store
@options.output
def status(*, file: Path, store: str | None, output: str) -> None:
    """Say what the store of FILE holds, and who works on it.

    Nothing is written, so this may be asked of a store in use, or of one that is still of an older
    version.
    """
    with told(), inspector(named(file, store)) as found:
        shown = look(found)
    if output == "json":
        emit_json(as_data(shown))
        return
    for line in as_lines(shown):
        emit(line)


@db.command()
@options.file
@options.store
def upgrade(*, file: Path, store: str | None) -> None:
    """Bring the store of FILE up to date, or make it.

    `interloom run` does so by itself when it starts; there is no way back.
    """
    with told():
        place = named(file, store)
        before = _version(place)
        anyio.run(_open_once, place)
        with inspector(place) as found:
            after, where = found.version, found.place
    words = f"schema {after}" if before == after else f"schema {before} -> {after}"
    emit(f"{where}: {words}")


def _version(place: Place) -> int:
    """What a store's schema is; 0 where there is none yet."""
    try:
        with inspector(place) as found:
            return found.version
    except NoStore:
        return 0


async def _open_once(place: Place) -> None:
    ledger = opener(place)()
    await ledger.aclose()


@db.command("prune")
@options.file
@options.store
@click.option(
    "--older-than",
    metavar="AGE",
    help="Like 30d, 12h, 45m or 90s; else retention.finished of FILE.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option(
    "--batch",
    type=click.IntRange(1, 10_000),
    default=BATCH,
    show_default=True,
    help="Tasks deleted in one transaction.",
)
@options.output
def prune_store(
    *,
    file: Path,
    store: str | None,
    older_than: str | None,
    dry_run: bool,
    batch: int,
    output: str,
) -> None:
    """Delete tasks that have been over for AGE, with everything that belongs to them.

    A task that works or waits is never deleted, nor one with an event that is still to be posted.
    """
    with told():
        place = named(file, store)
        age_s = _age_s(older_than, file)
        with inspector(place) as found:  # to open one makes it, or brings it up to date
            _check_schema(found)
        gone = anyio.run(partial(_pruned, place, age_s, batch=batch, dry_run=dry_run))
    if output == "json":
        data = {"dryRun": dry_run, "tasks": gone.tasks, "replies": gone.replies}
        emit_json(orjson.dumps(data))
        return
    verb = "would be deleted" if dry_run else "deleted"
    emit(f"{gone.tasks} tasks and {gone.replies} messages answered at once {verb}")


def _check_schema(found: Inspector) -> None:
    """Refuse a store of an older version: nobody asked to bring it up to date.

    Raises:
        BadConfig: It is one.
    """
    if found.version < found.current:
        old = f"has schema {found.version} of {found.current}"
        raise BadConfig(f"{found.place}: {old}: run `interloom db upgrade`")


def _age_s(older_than: str | None, file: Path) -> int:
    """How long a task is kept; the file is read only where the command line does not say so.

    Raises:
        BadConfig: Nobody says so, or the file is needed and wrong.
    """
    if older_than is None:
        kept_s = load(file, os.environ).retention.finished if file.exists() else None
        if kept_s is None:
            raise BadConfig("--older-than: is needed, as retention.finished is not set")
        return kept_s
    try:
        return rules.duration(older_than)
    except ValueError as error:
        raise BadConfig(f"--older-than: {error}") from None


async def _pruned(place: Place, age_s: int, *, batch: int, dry_run: bool) -> Pruned:
    ledger = opener(place)()
    try:
        before = await over_before(ledger, age_s)
        if dry_run:
            return await ledger.prunable(before)
        return await prune(ledger, before, batch=batch)
    finally:
        await ledger.aclose()


@db.command()
@options.file
@options.store
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@options.output
def undelivered(*, file: Path, store: str | None, limit: int, output: str) -> None:
    """List events that could not be posted to somebody who asked for them, the latest first."""
    with told(), inspector(named(file, store)) as found:
        _check_schema(found)
        letters = found.undelivered(limit)
    if output == "json":
        emit_json(orjson.dumps({"undelivered": [_as_data(each) for each in letters]}))
        return
    for each in letters:
        what = f"{each.task_id}  {each.push_id}  {each.seq}  {each.reason}"
        emit(f"{each.at:%Y-%m-%d %H:%M:%S}  {what}")
    say(f"{len(letters)} dead letters")


def _as_data(letter: Undelivered) -> dict[str, str | int]:
    return {
        "taskId": letter.task_id,
        "pushId": letter.push_id,
        "seq": letter.seq,
        "at": letter.at.isoformat(),
        "reason": letter.reason,
    }
