"""The same agent on the official SDK's cluster mode: `--port N`, in a folder of its own.

VersionedDatabaseTaskStore and DatabaseTaskEventStream on one SQLite file, and the default request
handler: what a2a-sdk 1.3 offers for several replicas. Its executor is begun anew for each message.
"""

from __future__ import annotations

import argparse
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import uvicorn
from a2a.helpers.proto_helpers import (
    new_task_from_user_message,
    new_text_message,
    new_text_part,
)
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.cluster import DatabaseTaskEventStream, VersionedDatabaseTaskStore
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, TaskState
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette

from tests.faults.comparison.ours import PAUSE_S, STEPS, note

STORE: Final = "sqlite+aiosqlite:///official.db"


class Walker(AgentExecutor):
    """Takes six steps, each with an effect and a word about it."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Run the task from the first step to the last."""
        message = context.message
        if message is None:
            raise ValueError("a request without a message")
        task = context.current_task or new_task_from_user_message(message)
        if context.current_task is None:
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        for number in range(1, STEPS + 1):
            note(number)
            await anyio.sleep(PAUSE_S)
            said = new_text_message(f"step {number} is done")
            await updater.update_status(TaskState.TASK_STATE_WORKING, said)
        await updater.add_artifact([new_text_part("arrived")], name="result")
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Nobody cancels here."""
        raise RuntimeError("nobody cancels in this comparison")


def app(port: int) -> Starlette:
    """One replica."""
    engine = create_async_engine(STORE)
    store, stream = VersionedDatabaseTaskStore(engine), DatabaseTaskEventStream(engine)
    interface = AgentInterface(
        url=f"http://127.0.0.1:{port}/", protocol_binding="JSONRPC", protocol_version="1.0"
    )
    card = AgentCard(
        name="walker",
        description="Takes six steps.",
        version="1",
        supported_interfaces=[interface],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="walk", name="walk", description="Walk.", tags=["walk"])],
    )
    handler = DefaultRequestHandler(
        agent_executor=Walker(), task_store=store, agent_card=card, event_stream=stream
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        await store.initialize()
        await stream.initialize()
        yield

    routes = [*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/")]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    told = parser.parse_args()
    uvicorn.run(app(told.port), host="127.0.0.1", port=told.port, log_level="warning")
