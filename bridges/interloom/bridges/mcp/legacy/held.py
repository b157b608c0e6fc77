"""One call of an older server whose questions are held open on its connection.

Source: MCP 2025-11-25, client/elicitation: the server asks while it works, and waits. The call goes
on in the background; whoever made it takes what has arrived, and comes back with the answers.
"""

from __future__ import annotations

from collections import deque
from typing import Final, TypeAlias

import anyio

from interloom.bridges.mcp.core.asks import MAX_REQUESTS
from interloom.bridges.mcp.core.frames import Notification, Request
from interloom.bridges.mcp.legacy.link import Connection, SessionLost
from interloom.runtime.errors import InterloomError
from interloom.runtime.values import Json, JsonObject

MAX_NOTICES: Final = 1_000
"""Notifications that may wait for whoever made the call; ours."""


class Question:
    """Something the server wants to know.

    Attributes:
        key: What it is called in the round.
        request: The input request of the round.
        id: The JSON-RPC id to answer under, as the server gave it.
    """

    __slots__ = ("id", "key", "request")

    def __init__(self, key: str, request: JsonObject, request_id: Json) -> None:
        self.key, self.request, self.id = key, request, request_id


class Ended:
    """How the call ended.

    Attributes:
        result: Its result; empty with an error.
        error: Why there is none.
    """

    __slots__ = ("error", "result")

    def __init__(
        self, result: JsonObject, error: InterloomError | SessionLost | None = None
    ) -> None:
        self.result, self.error = result, error


Item: TypeAlias = Notification | Question | Ended


class HeldCall:
    """A call in the background.

    Attributes:
        request: The call as its server sees it.
        connection: Where it is under way.
        token: What finds it again, known to nobody else.
        wants_log: True when its caller wishes to hear what the server logs.
        waiting: The questions that were handed out and are not answered, by key.
        is_over: True once the server has answered the call.
    """

    def __init__(
        self, request: Request, connection: Connection, token: str, *, wants_log: bool
    ) -> None:
        self.request, self.connection, self.token = request, connection, token
        self.wants_log = wants_log
        self.waiting: dict[str, Question] = {}
        self.scope = anyio.CancelScope()
        self.is_over = False
        self._box: deque[Item] = deque()
        self._arrived = anyio.Event()

    def put(self, item: Item) -> None:
        """Add what has arrived; a follower that is slow, or away, misses notifications."""
        if isinstance(item, Notification) and len(self._box) >= MAX_NOTICES:
            return
        self.is_over = self.is_over or isinstance(item, Ended)
        self._box.append(item)
        self._arrived.set()

    def admits(self, question: Question) -> bool:
        """True when a question can be put beside those that wait."""
        keys = [*self.waiting, *(item.key for item in self._box if isinstance(item, Question))]
        return len(keys) < MAX_REQUESTS and question.key not in keys

    async def take(self) -> Item:
        """The next thing that has arrived, once it has."""
        while not self._box:
            self._arrived = anyio.Event()
            await self._arrived.wait()
        return self._box.popleft()

    def more_questions(self) -> list[Question]:
        """Questions that have arrived together with the one that was taken."""
        found: list[Question] = []
        while self._box and isinstance(self._box[0], Question):
            item = self._box.popleft()
            found += [item] if isinstance(item, Question) else []
        return found
