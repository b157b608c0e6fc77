"""A process that is killed while a post is under way: the next one makes it again, and the rest.

Source: A2A 4.3.3 (at least one attempt for each webhook); order and ids are ours.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Event, Thread

from tests.faults.killable import PATIENCE_S, running

POSTER = "tests.faults.poster"
COMPLETED = b'"TASK_STATE_COMPLETED"'


class Receiver(ThreadingHTTPServer):
    """Acknowledges posts; the second one only once `answer` is set.

    Attributes:
        posts: The id and the body of each, in order.
        answer: Set to have the second one answered.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posts: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self.answer, self.count = Event(), 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        receiver = self.server
        assert isinstance(receiver, Receiver)
        body = self.rfile.read(int(self.headers["content-length"]))
        receiver.count += 1
        is_held = receiver.count == 2
        receiver.posts.put((self.headers["webhook-id"], body))
        if is_held:
            receiver.answer.wait(PATIENCE_S)
            self.close_connection = True
            return
        self.send_response(204)
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


@contextmanager
def receiving() -> Generator[Receiver]:
    with Receiver() as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.answer.set()
            server.shutdown()
            thread.join()


def test_every_event_arrives_although_the_poster_was_killed(store: str) -> None:
    told = list[str]()
    with receiving() as receiver:
        with running(POSTER, store, receiver.url) as poster:
            assert poster.hear() == "open"
            poster.tell("hello")
            told += [receiver.posts.get(timeout=PATIENCE_S)[0] for _ in range(2)]
            poster.kill()
        receiver.answer.set()
        with running(POSTER, store, receiver.url) as poster:
            assert poster.hear() == "open"
            body = b""
            while COMPLETED not in body:
                event, body = receiver.posts.get(timeout=PATIENCE_S)
                told.append(event)
            poster.kill()
    task_id = told[0].partition("/")[0]
    numbers = [int(event.removeprefix(f"{task_id}/")) for event in told]
    assert numbers[:3] == [1, 2, 2]
    assert list(dict.fromkeys(numbers)) == list(range(1, max(numbers) + 1))
