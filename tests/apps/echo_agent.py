"""An agent for the demo's caller to talk to, built with the official A2A SDK.

It asks one question, then repeats the answer; it keeps the headers it was sent.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from socket import socket

import anyio
import uvicorn
from a2a.helpers import new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

QUESTION = "And then?"


class Echo(AgentExecutor):
    """Asks QUESTION, then completes with what was said last."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        task = context.current_task or new_task_from_user_message(context.message)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        if context.current_task is None:
            await event_queue.enqueue_event(task)
            question = updater.new_agent_message([new_text_part(QUESTION)])
            await updater.requires_input(question)
            return
        await updater.add_artifact([new_text_part(context.get_user_input())])
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        raise RuntimeError("an echo is over before it can be canceled")


@dataclass
class Heard:
    """Headers of the requests that arrived, oldest first, by lower-case name.

    Attributes:
        url: Where the agent is served.
    """

    url: str
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def listen(self, app: ASGIApp) -> ASGIApp:
        async def listening(scope: Scope, receive: Receive, send: Send) -> None:
            self.headers.append({k.decode(): v.decode() for k, v in scope["headers"]})
            await app(scope, receive, send)

        return listening


@asynccontextmanager
async def echo_agent() -> AsyncGenerator[Heard]:
    """Serve the agent on a loopback port; requests may be sent from the first line on."""
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        heard = Heard(f"http://127.0.0.1:{listener.getsockname()[1]}")
        app = heard.listen(_app(heard.url))
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", ws="none", log_level="error"))
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            try:
                yield heard
            finally:
                server.should_exit = True


def _app(url: str) -> Starlette:
    card = AgentCard(
        name="echo",
        description="Says it again.",
        version="1",
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        supported_interfaces=[
            AgentInterface(url=f"{url}/", protocol_binding="JSONRPC", protocol_version="1.0")
        ],
    )
    handler = DefaultRequestHandler(
        agent_executor=Echo(), task_store=InMemoryTaskStore(), agent_card=card
    )
    return Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/")])
