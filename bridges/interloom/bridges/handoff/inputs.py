"""Answers what a tool server asks in the middle of a call: some by a person, some by ourselves.

Source: DESIGN section 5 (`ours`): elicitations become the task's questions; a model that is
configured answers sampling; roots come from the configuration. What was not declared is not asked:
the core has refused it before it gets here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import assert_never

import anyio

from interloom.bridges.handoff.pending import Made
from interloom.bridges.handoff.questions import questions, results
from interloom.bridges.handoff.tool_server import ToolServer
from interloom.bridges.mcp.core.asks import Elicit, InputRequest, ListRoots, Sample
from interloom.runtime.core.questions import Question
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.errors import LocalError
from interloom.runtime.ledger.rows import CallRow, CallState
from interloom.runtime.values import Json, JsonObject


class Inputs:
    """The answers to one call's requests.

    Args:
        server: Who asks.
        task: On whose behalf it was called.
        made: Which call it is.
    """

    def __init__(self, server: ToolServer, task: TaskContext, made: Made) -> None:
        self._server, self._task, self._made = server, task, made

    def for_a_person(self, requests: Mapping[str, InputRequest]) -> list[Question]:
        """The questions among the requests, in the server's order.

        Raises:
            BadResult: A form's schema is more than the flat form of the protocol.
        """
        asked = {key: each for key, each in requests.items() if isinstance(each, Elicit)}
        return questions(asked, server=self._made.server, method=self._made.method)

    async def answer(
        self,
        requests: Mapping[str, InputRequest],
        *,
        round_: str,
        reason: str = "",
        row: Callable[[CallState], CallRow],
        meanwhile: CallState,
    ) -> JsonObject:
        """Get an answer to every request; a person's may take days.

        Args:
            requests: By the server's own keys.
            round_: Names the round within the call, the same on every replay.
            reason: Why a person is asked once more, one sentence; empty at first.
            row: The call's row in a state, to be stored before anybody is asked.
            meanwhile: The state while no person is waited for.

        Raises:
            InterloomError: One cannot be had.
        """
        asked = self.for_a_person(requests)
        answers: dict[str, Json] = {}
        if asked:
            waiting = self._task.remember_call(row(CallState.INPUT_REQUIRED))
            key = f"ask/{self._made.key}/{round_}"
            if reason:
                asked = [replace(each, message=f"{reason} {each.message}") for each in asked]
            responses = await self._task.ask(key, asked, waiting)
            names = [name for name, each in requests.items() if isinstance(each, Elicit)]
            answers |= results(names, responses)
        else:
            await self._task.record_call(row(meanwhile))
        for name, request in requests.items():
            if name not in answers:
                answers[name] = await self._ours(name, request, round_)
        return answers

    async def _ours(self, name: str, request: InputRequest, round_: str) -> Json:
        match request:
            case Sample():
                return await self._sampled(name, request, round_)
            case ListRoots():
                return await self._roots()
            case Elicit():
                raise LocalError(f"the question {name!r} has no answer")
            case _:
                assert_never(request)

    async def _sampled(self, name: str, request: Sample, round_: str) -> Json:
        """What the model wrote; written once, however often the agent's code is run."""
        model = self._server.model
        if model is None:
            raise LocalError(f"{self._made.server} asks for sampling, and there is no model")

        async def write() -> Json:
            return await model.sample(request)

        return await self._task.step(f"sample/{self._made.key}/{round_}/{name}", write)

    async def _roots(self) -> Json:
        """The folders that are there now."""
        there = [root for root in self._server.roots if await anyio.Path(root).is_dir()]
        roots = [{"uri": root.as_uri(), "name": root.name or str(root)} for root in there]
        return {"roots": roots}
