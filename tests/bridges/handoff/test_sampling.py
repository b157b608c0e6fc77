"""A function as the model that a tool server may ask (MCP 2026-07-28 client/sampling)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from interloom.bridges.handoff.sampling import FunctionModel, SamplingRefused
from interloom.bridges.mcp.core.asks import Sample
from interloom.runtime.errors import AgentFailed
from interloom.runtime.values import JsonObject

ASKED = Sample(({"role": "user", "content": {"type": "text", "text": "A name?"}},), 10, None, {})
IMAGE: JsonObject = {"type": "image", "data": "aGk=", "mimeType": "image/png"}


def returns(value: object) -> FunctionModel:
    async def write(request: Sample) -> object:
        assert request is ASKED
        return value

    return FunctionModel("models:write", _any(write))


def _any(write: Callable[[Sample], Awaitable[object]]) -> Callable[[Sample], Awaitable[str]]:
    """A function that does not keep its word."""
    return write  # type: ignore[return-value]  # the point of these tests


def raises(error: BaseException) -> FunctionModel:
    async def write(_: Sample) -> str:
        raise error

    return FunctionModel("models:write", write)


async def test_text_becomes_a_message() -> None:
    """docs/tool-servers.md."""
    content: JsonObject = {"type": "text", "text": "Ada"}
    assert await returns("Ada").sample(ASKED) == {
        "role": "assistant",
        "content": content,
        "model": "models:write",
    }


async def test_whole_result_goes_as_it_is() -> None:
    """`CreateMessageResult`; what it leaves out is filled in."""
    whole: JsonObject = {"content": [IMAGE], "model": "m-1", "stopReason": "maxTokens"}
    assert await returns(whole).sample(ASKED) == {"role": "assistant", **whole}


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        (None, "must return text or a CreateMessageResult"),
        (b"Ada", "must return text or a CreateMessageResult"),
        ({}, "wrote no message: answer 'message': content must be a block or an array of blocks"),
        ({"content": [], "model": 7}, "wrote no message: answer 'message': model must be a string"),
        ({"content": [], "role": "system"}, "wrote no message: answer 'message': role must be one"),
    ],
)
async def test_what_is_no_message_is_refused(written: object, rule: str) -> None:
    """ours: before it is stored, so that a mended function is asked again."""
    with pytest.raises(SamplingRefused) as refused:
        await returns(written).sample(ASKED)

    assert str(refused.value).startswith(f"sampling: models:write {rule}")


async def test_error_of_ours_is_told_in_its_own_words() -> None:
    """docs/tool-servers.md."""
    with pytest.raises(SamplingRefused, match="models:write refused: the budget is spent"):
        await raises(AgentFailed("the budget is spent")).sample(ASKED)


async def test_text_of_a_foreign_error_is_in_the_log_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """ours: a call's failure may be shown to the task's caller."""
    with pytest.raises(SamplingRefused) as refused:
        await raises(ValueError("key sk-123 is wrong")).sample(ASKED)

    assert str(refused.value) == "sampling: models:write failed; the log says why"
    assert "sk-123" in caplog.text


async def test_function_that_never_answers_is_left() -> None:
    """ours: every wait is bounded."""

    async def write(_: Sample) -> str:
        await anyio.sleep_forever()
        raise AssertionError

    with (
        pytest.raises(SamplingRefused, match=r"wrote nothing within 0\.01 s"),
        anyio.fail_after(20),
    ):
        await FunctionModel("models:write", write, within_s=0.01).sample(ASKED)


async def test_time_limit_of_the_functions_own_is_its_failure() -> None:
    """ours: what it says is its own."""
    with pytest.raises(SamplingRefused, match="failed; the log says why"):
        await raises(TimeoutError("mine")).sample(ASKED)
