"""A webhook on this machine, for a judge that wants to be told."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import Final

import anyio.to_thread
from a2a.types import a2a_pb2 as pb
from google.protobuf import json_format

PATIENCE_S: Final = 10.0


class Webhook:
    """What was posted, in order.

    Attributes:
        url: Where to post to.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._posts: SimpleQueue[bytes] = SimpleQueue()

    def take(self, body: bytes) -> None:
        """Keep a post; called in a thread."""
        self._posts.put(body)

    async def until(self, wanted: Callable[[pb.StreamResponse], bool]) -> list[pb.StreamResponse]:
        """Wait for an event; all events so far.

        Raises:
            Empty: Nothing came for a while.
        """
        events: list[pb.StreamResponse] = []
        while not any(map(wanted, events)):
            body = await anyio.to_thread.run_sync(partial(self._posts.get, timeout=PATIENCE_S))
            events.append(json_format.Parse(body, pb.StreamResponse()))
        return events


@contextmanager
def webhook() -> Generator[Webhook]:
    """Listen on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Webhook(f"http://127.0.0.1:{server.server_port}/hook")
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
