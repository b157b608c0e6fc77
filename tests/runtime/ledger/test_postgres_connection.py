"""What a connection to PostgreSQL is set to, whatever its server is set to. Ours (0004, 0026)."""

from __future__ import annotations

from typing import Final

import psycopg
import pytest
from psycopg import sql

from interloom.runtime.testing.samples import creation, move, record
from tests.postgres import asked, cut
from tests.runtime.ledger.opening import opened

SPY: Final = """
    CREATE TABLE public.spied (setting TEXT);
    CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO public.spied VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
    END $$;
    CREATE TRIGGER spy AFTER INSERT OR UPDATE ON interloom.task
        FOR EACH ROW EXECUTE FUNCTION public.spy();
"""
"""Has the transactions that write a task say how they are going to commit."""


def set_for_all(url: str, setting: str) -> None:
    """Set how a database commits for whoever connects from now on, as an administrator might."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = {}").format(
                name, sql.Literal(setting)
            )
        )


def spied(url: str) -> list[str]:
    return [setting for (setting,) in asked(url, "SELECT setting FROM public.spied")]


@pytest.mark.parametrize(
    ("told", "used"),
    [
        ("off", "on"),
        ("local", "on"),
        ("on", "on"),
        ("remote_write", "remote_write"),
        ("remote_apply", "remote_apply"),
    ],
)
async def test_no_setting_of_a_database_has_a_write_answered_before_it_is_on_disk(
    database_url: str, told: str, used: str
) -> None:
    """PostgreSQL 20.5.1; also on a connection that takes the place of one that was lost."""
    set_for_all(database_url, told)
    async with opened(database_url) as ledger:
        asked(database_url, SPY)
        await ledger.commit(*creation(record()))
        assert spied(database_url) == [used]
        cut(database_url)
        await ledger.commit(move(1))
        assert spied(database_url) == [used, used]
    assert asked(database_url, "SHOW synchronous_commit") == [(told,)]
