"""What a person sees of a task while it runs: artifacts on stdout, progress on stderr."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from interloom.apps.questions import text_parts
from interloom.apps.terminal import emit, say
from interloom.runtime.model import (
    UNSET,
    Artifact,
    Message,
    Part,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
)

STATE_WORDS = {state: state.name.lower().replace("_", " ") for state in TaskState}
"""States as they are shown: `input required`."""


def readable(part: Part) -> str:
    """The text of a part; JSON for data, the address for a file elsewhere, a note for bytes."""
    if part.text is not None:
        return part.text
    if part.url is not None:
        return f"{part.url}\n"
    if part.raw is not None:
        name = part.filename or part.media_type or "file"
        return f"[{name}: {len(part.raw)} bytes, shown in full with -o json]\n"
    return "" if part.data is UNSET else f"{orjson.dumps(part.data).decode()}\n"


def message_text(message: Message) -> str:
    """A message as a person reads it."""
    return "".join(readable(part) for part in message.parts)


@dataclass(slots=True)
class TaskDisplay:
    """Shows each thing once, in whatever form and however often it arrives.

    A stream gives chunks, a snapshot gives everything so far, and after a broken connection both
    come again; what is shown is the difference.

    Attributes:
        quiet: True shows no artifacts: they will be given as JSON at the end.
        wrote: True once something of an artifact was shown.
    """

    quiet: bool = False
    wrote: bool = False
    _texts: dict[str, str] = field(default_factory=dict[str, str])
    _shown: dict[str, str] = field(default_factory=dict[str, str])
    _status: tuple[TaskState, str] | None = None
    _current: str = ""
    _ends_line: bool = True

    def event(self, event: StreamResponse) -> None:
        """Show what an event adds."""
        if event.task is not None:
            self.task(event.task)
        elif event.status_update is not None:
            self.status(event.status_update.status)
        elif event.artifact_update is not None:
            self._chunk(event.artifact_update)

    def task(self, task: Task) -> None:
        """Show what a snapshot adds."""
        for artifact in task.artifacts:
            self._texts[artifact.artifact_id] = _artifact_text(artifact)
            self._write(artifact.artifact_id)
        self.status(task.status)

    def status(self, status: TaskStatus) -> None:
        """Show a state that is under way, once, with what the agent says about it."""
        text = text_parts(status.message)
        is_news = text != "" and self._status != (status.state, text)
        if is_news and status.state in {TaskState.SUBMITTED, TaskState.WORKING}:
            self.finish_line()
            say(f"{STATE_WORDS[status.state]}: {text}")
        self._status = (status.state, text)

    def finish_line(self) -> None:
        """End a line that an artifact left open."""
        if not self._ends_line:
            emit("")
            self._ends_line = True

    def _chunk(self, update: TaskArtifactUpdateEvent) -> None:
        name, text = update.artifact.artifact_id, _artifact_text(update.artifact)
        self._texts[name] = self._texts.get(name, "") + text if update.append else text
        self._write(name)

    def _write(self, name: str) -> None:
        text, shown = self._texts[name], self._shown.get(name, "")
        self._shown[name] = text
        if self.quiet or text == shown:
            return
        is_more = bool(shown) and text.startswith(shown)
        if not (is_more and name == self._current):
            self.finish_line()
        added = text.removeprefix(shown) if is_more else text
        emit(added, end="")
        self.wrote, self._current, self._ends_line = True, name, added.endswith("\n")


def _artifact_text(artifact: Artifact) -> str:
    return "".join(readable(part) for part in artifact.parts)
