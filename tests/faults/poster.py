"""A process that posts what an agent does, for a parent that receives it and kills us.

    python -m tests.faults.poster STORE URL

A line on stdin begins a task that is followed by post to URL; `open` goes to stdout once the store
is open.
"""

from __future__ import annotations

import sys

import anyio

from interloom.runtime.core.egress import Egress
from interloom.runtime.engine.caller import Caller
from interloom.runtime.engine.outbox import Posting
from interloom.runtime.model import (
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    TaskPushNotificationConfig,
)
from interloom.runtime.net.guard import Guard
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.testing.agents import echo
from tests.faults.stored import opening


async def main(store: str, url: str) -> None:
    settings = Settings(push=Posting(Guard(Egress.of(["127.0.0.1"]))))
    runtime = Runtime([echo()], opening(store), settings)
    hook = SendMessageConfiguration(
        task_push_notification_config=TaskPushNotificationConfig(url=url)
    )
    async with runtime.open() as operations:
        sys.stdout.write("open\n")
        sys.stdout.flush()
        async for line in anyio.wrap_file(sys.stdin):
            message = Message(message_id=line, role=Role.USER, parts=(Part(text=line),))
            request = SendMessageRequest(message=message, configuration=hook)
            await operations.send_message(Caller("ann", "echo"), request)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1], sys.argv[2])
