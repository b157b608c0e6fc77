"""An agent of the official A2A SDK's making, for our clients to talk to: its ways, not ours.

Source: a2a-sdk 1.3.
"""

from __future__ import annotations

from a2a.helpers import new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types import a2a_pb2 as pb

from interloom.runtime.model import Message, Part, Role, Task


class Asker(AgentExecutor):
    """Asks once, then completes with what was said last; may be canceled while it waits."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        task = context.current_task or new_task_from_user_message(context.message)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        if context.current_task is None:
            await event_queue.enqueue_event(task)
            await updater.requires_input(updater.new_agent_message([new_text_part("And then?")]))
            return
        await updater.add_artifact([new_text_part(context.get_user_input())])
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.current_task is not None
        task = context.current_task
        await TaskUpdater(event_queue, task.id, task.context_id).cancel()


def card(url: str, binding: str, version: str, *, push: bool = False) -> pb.AgentCard:
    """Its card, with one interface."""
    return pb.AgentCard(
        name="asker",
        description="Asks.",
        version="1",
        capabilities=pb.AgentCapabilities(streaming=True, push_notifications=push),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        supported_interfaces=[
            pb.AgentInterface(url=url, protocol_binding=binding, protocol_version=version)
        ],
    )


def message(text: str, task: Task | None = None) -> Message:
    """What a caller says; the SDK gives a follow-up without its context a fresh one."""
    task_id, context_id = ("", "") if task is None else (task.id, task.context_id)
    return Message(
        message_id=f"m-{text}",
        role=Role.USER,
        parts=(Part(text=text),),
        task_id=task_id,
        context_id=context_id,
    )
