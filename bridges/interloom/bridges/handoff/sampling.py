"""A function of the configuration as the model that writes messages for a tool server.

Source: MCP 2026-07-28, client/sampling (deprecated since that revision; servers that still need it
are served). Who pays for the model decides, so nothing is declared unless a function is named.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias, cast

import anyio

from interloom.bridges.mcp.core.asks import Sample, check_response
from interloom.runtime.errors import InterloomError, LocalError
from interloom.runtime.telemetry.log import logger
from interloom.runtime.values import JsonObject

log = logger("handoff")

SAMPLE_S: Final = 300.0
"""Seconds a model gets for one message; ours: the call that asked waits for it."""

Written: TypeAlias = str | JsonObject
Write: TypeAlias = Callable[[Sample], Awaitable[Written]]
"""Writes a message: its text, or a whole `CreateMessageResult`. `max_tokens` must be respected."""

_ASKED: Final[JsonObject] = {"method": "sampling/createMessage"}


class SamplingRefused(LocalError):
    """A message that a tool server asked for is not written; the text says why."""

    code = "SAMPLING_REFUSED"


class FunctionModel:
    """A model that is a function; see `SamplingModel`.

    Args:
        name: What the model is called where the function does not say.
        write: The function.
        within_s: Seconds it gets.
    """

    def __init__(self, name: str, write: Write, *, within_s: float = SAMPLE_S) -> None:
        self.name = name
        self._write, self._within_s = write, within_s

    async def sample(self, request: Sample) -> JsonObject:
        """Write a message; see `SamplingModel.sample`.

        The text of a foreign exception goes to the log alone: the call's failure may be shown to
        the task's caller.

        Raises:
            SamplingRefused: The function failed, took too long, or wrote no message.
        """
        with anyio.move_on_after(self._within_s):
            try:
                return self._result(await self._write(request))
            except SamplingRefused:
                raise
            except InterloomError as error:
                raise self._refused(f"refused: {error}") from error
            except Exception as error:  # an author's function may raise anything
                log.exception("sampling.failed", model=self.name)
                raise self._refused("failed; the log says why") from error
        raise self._refused(f"wrote nothing within {self._within_s:g} s")

    def _result(self, written: object) -> JsonObject:
        if isinstance(written, str):
            content: JsonObject = {"type": "text", "text": written}
            return {"role": "assistant", "content": content, "model": self.name}
        if not isinstance(written, Mapping):
            raise self._refused("must return text or a CreateMessageResult")
        said = cast("JsonObject", written)  # whatever else it is, is found out below
        result: JsonObject = {"role": "assistant", "model": self.name, **said}
        try:
            check_response("message", _ASKED, result)
        except LocalError as error:
            raise self._refused(f"wrote no message: {error}") from None
        return result

    def _refused(self, rule: str) -> SamplingRefused:
        return SamplingRefused(f"sampling: {self.name} {rule}")
