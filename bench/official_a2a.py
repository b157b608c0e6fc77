"""The official A2A SDK's server, alone and with the official MCP client behind it.

Its agent emits what every target's agent emits: the task, WORKING, one artifact, COMPLETED.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from a2a.helpers.proto_helpers import new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from starlette.applications import Starlette

from bench.callers import Call
from bench.official_mcp import opened_client
from bench.serving import Place, on_uvicorn


class _Agent(AgentExecutor):
    """Answers with what `reply` makes of the message's text."""

    def __init__(self) -> None:
        self.reply: Call = _same

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Run one task from its first event to its last."""
        message = context.message
        if message is None:
            raise ValueError("a request without a message")
        task = context.current_task or new_task_from_user_message(message)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        text = await self.reply(context.get_user_input())
        await updater.add_artifact([new_text_part(text)], name="answer")
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Refuse: no request of a benchmark is cancelled."""
        raise RuntimeError("an echo is over before it can be canceled")


async def _same(text: str) -> str:
    return text


def echo(place: Place) -> None:
    """The echo agent on the SDK's default handler and memory store."""
    on_uvicorn(Starlette(routes=create_jsonrpc_routes(_handler(_Agent(), place), "/")), place)


def bridge(place: Place) -> None:
    """The same, its text fetched from a tool through the official MCP client."""
    agent = _Agent()

    @asynccontextmanager
    async def connected(_app: Starlette) -> AsyncGenerator[None]:
        async with opened_client(place) as agent.reply:
            yield

    routes = create_jsonrpc_routes(_handler(agent, place), "/")
    on_uvicorn(Starlette(routes=routes, lifespan=connected), place, lifespan=True)


def _handler(agent: AgentExecutor, place: Place) -> DefaultRequestHandler:
    interface = AgentInterface(
        url=f"http://127.0.0.1:{place.port}/", protocol_binding="JSONRPC", protocol_version="1.0"
    )
    card = AgentCard(
        name="echo",
        description="Answers with what it is told.",
        version="1",
        supported_interfaces=[interface],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="echo", name="echo", description="Echo.", tags=["echo"])],
    )
    return DefaultRequestHandler(
        agent_executor=agent, task_store=InMemoryTaskStore(), agent_card=card
    )
