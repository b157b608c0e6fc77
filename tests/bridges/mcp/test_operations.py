"""Prompts, resources, completion, and what is heard on the way (MCP 2026-07-28 server/*)."""

from __future__ import annotations

from typing import Final

import anyio
import pytest

from interloom.bridges.mcp.core.completion import MAX_VALUES, Completion, Reference
from interloom.bridges.mcp.core.errors import BadEntry, BadResult, McpError
from interloom.bridges.mcp.core.notices import Level, LogLine, Notice, Progress
from interloom.bridges.mcp.core.prompts import (
    Prompt,
    PromptArgument,
    PromptMessage,
    read_prompt,
    read_prompt_result,
)
from interloom.bridges.mcp.core.resources import (
    Contents,
    is_gone,
    read_contents,
    read_resource,
    read_template,
)
from interloom.bridges.mcp.core.rounds import Call
from interloom.bridges.mcp.core.tasks import TaskRequest
from interloom.bridges.mcp.port import CEILING_S, Patience
from interloom.bridges.mcp.wire import Wishes
from interloom.runtime.errors import TransportError
from interloom.runtime.net.pooled import PooledHttp
from interloom.runtime.values import Json, JsonObject
from tests.bridges.mcp.depot import client_of, depot, fails, gives, progress, says, streams
from tests.runtime.net.hostile import head, serving

REVIEW: Final[JsonObject] = {
    "name": "review",
    "description": "Reviews code.",
    "arguments": [{"name": "code", "required": True}, {"name": "tone", "title": "Tone"}],
}
TEXT: Final[JsonObject] = {"uri": "file:///a", "mimeType": "text/plain", "text": "hello"}
BLOB: Final[JsonObject] = {"uri": "file:///b", "blob": "AAH/"}
CALL: Final = Call("depot", "tools/call", {"name": "ship"})
DONE: Final[JsonObject] = {"content": []}


def test_prompt_is_read_with_its_arguments() -> None:
    """schema.ts `Prompt`."""
    arguments = (
        PromptArgument("code", "code", "", is_required=True),
        PromptArgument("tone", "Tone", "", is_required=False),
    )
    read = read_prompt(REVIEW, server="depot")
    assert read == Prompt("review", "review", "Reviews code.", arguments, REVIEW)


BAD_PROMPTS: Final[list[tuple[Json, str]]] = [
    ("review", "the prompt must be an object"),
    ({"name": ""}, "name must be a string"),
    ({"name": "x", "arguments": {}}, "prompt 'x': arguments must be an array"),
    ({"name": "x", "arguments": [{}]}, "prompt 'x': every argument needs a name"),
]


@pytest.mark.parametrize(("entry", "rule"), BAD_PROMPTS)
def test_malformed_prompt_names_the_rule(entry: Json, rule: str) -> None:
    """schema.ts `Prompt`."""
    with pytest.raises(BadEntry, match=rule):
        read_prompt(entry, server="depot")


def test_messages_of_a_prompt_are_read() -> None:
    """schema.ts `GetPromptResult`."""
    block: JsonObject = {"type": "text", "text": "Look:"}
    result: JsonObject = {"description": "d", "messages": [{"role": "user", "content": block}]}
    read = read_prompt_result(result, server="depot")
    assert (read.description, read.messages) == ("d", (PromptMessage("user", block),))


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"messages": [{"role": "system", "content": {"type": "text"}}]},
        {"messages": [{"role": "user", "content": "hello"}]},
        {"messages": ["hello"]},
    ],
)
def test_malformed_prompt_result_is_refused(result: JsonObject) -> None:
    """schema.ts `PromptMessage`; server/prompts: inputs and outputs are validated."""
    with pytest.raises(BadResult, match="depot: prompts/get: messages"):
        read_prompt_result(result, server="depot")


def test_contents_are_text_or_bytes() -> None:
    """schema.ts `TextResourceContents`, `BlobResourceContents`."""
    assert read_contents({"contents": [TEXT, BLOB]}, server="depot") == (
        Contents("file:///a", "text/plain", "hello"),
        Contents("file:///b", "", b"\x00\x01\xff"),
    )


@pytest.mark.parametrize(
    ("contents", "rule"),
    [
        (None, "contents must be an array"),
        ([{"text": "x"}], "every part needs a uri"),
        ([{"uri": "a"}], "needs a text or a blob"),
        ([{"uri": "a", "blob": "%"}], "a blob must be Base64"),
    ],
)
def test_malformed_contents_name_the_rule(contents: Json, rule: str) -> None:
    """schema.ts `ReadResourceResult`."""
    with pytest.raises(BadResult, match=rule):
        read_contents({"contents": contents}, server="depot")


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        (7, "must be an object"),
        ({"uri": "a", "uriTemplate": "a"}, "name must be a string"),
        ({"name": "a"}, "must be a string that is not empty"),
    ],
)
def test_malformed_resource_names_the_rule(entry: Json, rule: str) -> None:
    """schema.ts `Resource`, `ResourceTemplate`."""
    for read in (read_resource, read_template):
        with pytest.raises(BadEntry, match=rule):
            read(entry, server="depot")


async def test_lists_leave_bad_entries_out_and_say_so(
    port: PooledHttp, caplog: pytest.LogCaptureFixture
) -> None:
    """ours: as for tools, one bad entry does not take the others along."""
    script = depot(
        prompts_list=gives({"prompts": [{}, REVIEW]}),
        resources_list=gives({"resources": [{"uri": "file:///a", "name": "a", "size": 5}]}),
    )
    script.replies["resources/templates/list"] = [
        gives({"resourceTemplates": [{"uriTemplate": "file:///{p}", "name": "any"}]})
    ]
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            assert [each.name for each in await client.list_prompts()] == ["review"]
            assert [each.size_bytes for each in await client.list_resources()] == [5]
            found = await client.list_templates()

    assert [each.uri_template for each in found] == ["file:///{p}"]
    assert [record.__dict__["method"] for record in caplog.records] == ["prompts/list"]


async def test_prompt_and_resource_are_got_in_rounds_of_their_own(port: PooledHttp) -> None:
    """mrtr "Supported Requests"; streamable-http: `Mcp-Name` is the name or the URI."""
    script = depot(prompts_get=gives({"messages": []}), resources_read=gives({"contents": [TEXT]}))
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            await client.exchange(Call("depot", "prompts/get", {"name": "review"}).send())
            await client.exchange(Call("depot", "resources/read", {"uri": "file:///é"}).send())

    assert [fields["mcp-name"] for fields in script.headers] == [
        "review",
        "=?base64?ZmlsZTovLy/DqQ==?=",
    ]


async def test_resource_that_is_fresh_is_not_read_again(port: PooledHttp) -> None:
    """caching: `resources/read` is cacheable, under its URI."""
    read: JsonObject = {"contents": [TEXT], "ttlMs": 60_000, "cacheScope": "private"}
    script = depot(resources_read=gives(read))
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            for uri in ("file:///a", "file:///a", "file:///b"):
                await client.exchange(Call("depot", "resources/read", {"uri": uri}).send())

    assert len(script.frames) == 2


async def test_retry_of_a_read_is_neither_kept_nor_served_from_the_cache(port: PooledHttp) -> None:
    """caching "Cache Key": what depended on answers is not kept."""
    read: JsonObject = {"contents": [TEXT], "ttlMs": 60_000, "cacheScope": "private"}
    asks: JsonObject = {"resultType": "input_required", "requestState": "s", "ttlMs": 60_000}
    script = depot(resources_read=[gives(asks), gives(read), gives(asks)])
    call = Call("depot", "resources/read", {"uri": "file:///a"})
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            asked, _ = call.receive(await client.exchange(call.send()))
            assert await client.exchange(asked.answer({})) == read
            assert await client.exchange(call.send()) == asks

    assert len(script.frames) == 3


@pytest.mark.parametrize(("code", "gone"), [(-32602, True), (-32002, True), (-32603, False)])
async def test_missing_resource_is_told_apart(port: PooledHttp, code: int, gone: bool) -> None:
    """server/resources "Error Handling": -32602, and -32002 of earlier versions."""
    script = depot(resources_read=fails(code))
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with pytest.raises(McpError) as caught, anyio.fail_after(5):
            await client.exchange(Call("depot", "resources/read", {"uri": "a"}).send())

    assert is_gone(caught.value) is gone


async def test_argument_is_completed_with_what_is_known(port: PooledHttp) -> None:
    """server/utilities/completion."""
    answer: JsonObject = {"completion": {"values": ["py", "pyi"], "total": 7, "hasMore": True}}
    script = depot(completion_complete=gives(answer))
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            found = await client.complete(
                Reference("prompt", "review"), "language", "py", known={"tone": "kind"}
            )
            await client.complete(Reference("resource", "file:///{p}"), "p", "a")

    assert found == Completion(("py", "pyi"), 7, has_more=True)
    sent = [frame["params"] for frame in script.frames]
    bare = [
        {k: v for k, v in each.items() if k != "_meta"} for each in sent if isinstance(each, dict)
    ]
    assert bare == [
        {
            "ref": {"type": "ref/prompt", "name": "review"},
            "argument": {"name": "language", "value": "py"},
            "context": {"arguments": {"tone": "kind"}},
        },
        {
            "ref": {"type": "ref/resource", "uri": "file:///{p}"},
            "argument": {"name": "p", "value": "a"},
        },
    ]


@pytest.mark.parametrize(
    ("found", "rule"),
    [
        (None, "values must be an array"),
        ({"values": "x"}, "values must be an array"),
        ({"values": [1]}, "must hold strings"),
        ({"values": ["x"] * (MAX_VALUES + 1)}, "holds more than 100"),
    ],
)
async def test_malformed_completion_names_the_rule(
    port: PooledHttp, found: Json, rule: str
) -> None:
    """schema.ts `CompleteResult`."""
    script = depot(completion_complete=gives({"completion": found}))
    async with serving(script.answer) as server:
        with pytest.raises(BadResult, match=rule), anyio.fail_after(5):
            await client_of(server, port).complete(Reference("prompt", "p"), "a", "")


async def test_request_hears_the_progress_and_the_log_it_wished_for(port: PooledHttp) -> None:
    """basic/patterns/progress; server/utilities/logging: opted in by `_meta`, one request each."""
    said: list[JsonObject] = [
        progress(1, total=3, message="one"),
        progress(1),
        progress(0.5),
        progress(2, of="somebody else's"),
        {"method": "notifications/message", "params": {"level": "debug", "data": "small talk"}},
        {"method": "notifications/message", "params": {"level": "error", "data": {"a": 1}}},
        {"method": "notifications/message", "params": {"level": "loud", "data": "?"}},
        {"method": "notifications/tools/list_changed"},
        progress(2.5),
    ]
    script = depot(tools_call=streams(*said, result=DONE))
    heard: list[Notice] = []

    async def hear(notice: Notice) -> None:
        heard.append(notice)

    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            wishes = Wishes(progress=True, log=Level.WARNING)
            ready = await client.prepare(CALL.send(), wishes=wishes)
            assert await client.perform(ready, heard=hear) == DONE

    assert heard == [
        Progress(1.0, 3.0, "one"),
        LogLine(Level.ERROR, "", {"a": 1}),
        Progress(2.5, None, ""),
    ]
    params = script.frames[1]["params"]
    meta = params["_meta"] if isinstance(params, dict) else None
    assert isinstance(meta, dict)
    assert meta["io.modelcontextprotocol/logLevel"] == "warning"
    assert meta["progressToken"] == script.frames[1]["id"]


async def test_request_that_wished_for_nothing_hears_nothing(port: PooledHttp) -> None:
    """basic/patterns/progress: only tokens of active requests; ours: others are passed over."""
    script = depot(tools_call=streams(progress(1, of="guessed"), result=DONE))
    heard: list[Notice] = []

    async def hear(notice: Notice) -> None:
        heard.append(notice)

    async with serving(script.answer) as server:
        client = client_of(server, port)
        with anyio.fail_after(5):
            ready = await client.prepare(CALL.send())
            assert await client.perform(ready, heard=hear) == DONE

    assert not heard
    params = script.frames[1]["params"]
    assert isinstance(params, dict)
    assert "progressToken" not in str(params)


async def test_request_may_bring_its_own_patience(port: PooledHttp) -> None:
    """basic/patterns/cancellation "Timeouts": configurable for each request."""
    silent = says(head(200, {"Content-Type": "text/event-stream"}))
    script = depot(tools_call=silent)
    async with serving(script.answer) as server:
        client = client_of(server, port)
        with pytest.raises(TransportError), anyio.fail_after(10):
            await client.exchange(CALL.send(), patience=Patience(silence_s=0.2, total_s=0.2))


@pytest.mark.parametrize(
    ("wished", "granted"),
    [
        (Patience(1.0, 2.0), Patience(1.0, 2.0)),
        (Patience(60.0, 1e9), Patience(60.0, CEILING_S)),
        (Patience(1e9, 1e9), Patience(CEILING_S, CEILING_S)),
    ],
)
def test_patience_has_a_ceiling(wished: Patience, granted: Patience) -> None:
    """basic/patterns/cancellation "Timeouts": a maximum is always enforced."""
    assert wished.bounded() == granted


async def test_task_is_asked_for_under_its_id(port: PooledHttp) -> None:
    """Tasks extension, "Routing Headers"."""
    script = depot(tasks_get=gives({"taskId": "t-1", "status": "working"}))
    async with serving(script.answer) as server:
        with anyio.fail_after(5):
            found = await client_of(server, port).ask_task(
                TaskRequest("tasks/get", {"taskId": "t-1"})
            )

    assert found["status"] == "working"
    assert script.headers[0]["mcp-name"] == "t-1"
