"""The beats of one worker on PostgreSQL: a thread and a connection that nothing else waits for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import psycopg

from interloom.runtime.ledger import postgres_workers
from interloom.runtime.ledger.heart import Heart
from interloom.runtime.ledger.postgres_connection import Session, connect
from interloom.runtime.telemetry.log import logger

log = logger("ledger")


class Pulse:
    """Renews a worker's leases as long as the event loop turns."""

    def __init__(self, url: str, worker: str, *, lease_s: int, on_loss: Callable[[], None]) -> None:
        """Begin to beat; inside the event loop that is watched.

        Args:
            url: Where to connect to.
            worker: Who is alive.
            lease_s: Seconds without a beat after which others take it for dead.
            on_loss: Called in the event loop, once, when they have.
        """
        self._url, self._worker, self._lease_s = url, worker, lease_s
        self._session: Session | None = None
        self._heart = Heart(self._beat, lease_s=lease_s, on_loss=on_loss)

    def stop(self) -> None:
        """Beat no more; may wait for the server."""
        self._heart.stop()
        if self._session is not None:
            self._session.close()

    def lose(self) -> None:
        """Find that others took the process for dead; in the event loop."""
        self._heart.lose()

    def _beat(self) -> bool:
        if self._session is None or self._session.is_lost:
            self._session = connect(self._url)
            # A run that is being written has its lease renewed by that.
            self._session.execute("SET lock_timeout = '100ms'")
        if not postgres_workers.beat(self._session, self._worker):
            return False
        postgres_workers.renew(self._session, self._worker, self._lease_s)
        with suppress(psycopg.Error):  # there is a next time
            postgres_workers.tidy(self._session)
        return True
