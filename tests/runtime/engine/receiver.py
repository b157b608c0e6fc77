"""Somebody who is told of tasks: a webhook that remembers what it got and answers as it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import anyio

from interloom.runtime.serve.body import Receive, Scope, Send


@dataclass(frozen=True, slots=True)
class Post:
    """One request.

    Attributes:
        host: Whom it was sent to.
        path: Of the URL.
        headers: By lower-case name.
        body: All of it.
    """

    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> str:
        """The id of the event."""
        return self.headers["webhook-id"]


@dataclass(frozen=True, slots=True)
class Reply:
    """How a post is answered; `when` holds the answer back."""

    status: int = 204
    headers: tuple[tuple[str, str], ...] = ()
    when: anyio.Event | None = None


class Receiver:
    """An ASGI application.

    Attributes:
        posts: What came, in order.
        replies: Answers to be given in turn; then everything is acknowledged.
        choose: Picks the answer instead, when it is set.
        open: Posts under way.
        most: As many as were under way at once.
    """

    def __init__(self, *replies: Reply) -> None:
        self.posts: list[Post] = []
        self.replies = list(replies)
        self.choose: Callable[[Post], Reply] | None = None
        self.open = self.most = 0
        self._changed = anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        body = (await receive())["body"]
        post = Post(headers["host"], scope["path"], headers, body)
        self.open += 1
        self.most = max(self.most, self.open)
        self.posts.append(post)
        changed, self._changed = self._changed, anyio.Event()
        changed.set()
        if self.choose is not None:
            reply = self.choose(post)
        else:
            reply = self.replies.pop(0) if self.replies else Reply()
        try:
            await self._answer(reply, receive, send)
        finally:
            self.open -= 1

    async def _answer(self, reply: Reply, receive: Receive, send: Send) -> None:
        if reply.when is not None:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch, receive, group.cancel_scope)
                await reply.when.wait()
                group.cancel_scope.cancel()
        fields = [(name.encode(), value.encode()) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": fields})
        await send({"type": "http.response.body", "body": b""})

    async def _watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        """End the answer of one who has left."""
        await receive()
        scope.cancel()

    async def until(self, posts: int) -> list[Post]:
        """Wait for so many in all."""
        while len(self.posts) < posts:
            await self._changed.wait()
        return self.posts
