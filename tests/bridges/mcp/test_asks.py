"""What a server may ask, and what it may be answered (MCP 2026-07-28 client/*, schema.ts)."""

from __future__ import annotations

from typing import Final

import pytest

from interloom.bridges.mcp.core.asks import (
    Elicit,
    InputRequest,
    ListRoots,
    Sample,
    check_response,
    read_input_request,
)
from interloom.bridges.mcp.core.capabilities import Capabilities
from interloom.bridges.mcp.core.errors import BadResult, UndeclaredInput
from interloom.bridges.mcp.core.rounds import EVERYTHING
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

SAID: Final[JsonObject] = {"role": "user", "content": {"type": "text", "text": "Capital?"}}
SAMPLE: Final[JsonObject] = {
    "method": "sampling/createMessage",
    "params": {"messages": [SAID], "maxTokens": 100, "systemPrompt": "Be brief."},
}
ROOTS: Final[JsonObject] = {"method": "roots/list"}
FORM: Final[JsonObject] = {
    "method": "elicitation/create",
    "params": {"message": "?", "requestedSchema": {"type": "object"}},
}


def read(request: Json, declared: Capabilities = EVERYTHING) -> InputRequest:
    return read_input_request("k", request, declared, server="depot", method="tools/call")


def sample(**params: Json) -> JsonObject:
    given = {"messages": [SAID], "maxTokens": 1, **params}
    return {"method": "sampling/createMessage", "params": given}


def test_sampling_request_is_read_with_what_binds_us() -> None:
    """client/sampling: `maxTokens` must be respected, the rest may be ignored."""
    params = SAMPLE["params"]
    assert isinstance(params, dict)
    assert read(SAMPLE) == Sample((SAID,), 100, "Be brief.", params)


def test_roots_are_asked_for_without_params() -> None:
    """client/roots, "Listing Roots"."""
    assert read(ROOTS) == ListRoots()


def test_missing_mode_means_a_form() -> None:
    """client/elicitation: without a `mode` it is form mode."""
    assert read(FORM) == Elicit("?", "form", {"type": "object"})


@pytest.mark.parametrize("request_", [SAMPLE, ROOTS])
def test_what_is_declared_by_default_is_elicitation_alone(request_: JsonObject) -> None:
    """mrtr, server rule 7."""
    with pytest.raises(UndeclaredInput, match="capability we did not declare"):
        read(request_, Capabilities())


@pytest.mark.parametrize("key", ["tools", "toolChoice"])
def test_sampling_with_tools_is_refused(key: str) -> None:
    """schema.ts `CreateMessageRequestParams`: an error unless `sampling.tools` is declared."""
    with pytest.raises(UndeclaredInput, match=rf"params\.{key} needs sampling\.tools"):
        read(sample(**{key: {"mode": "auto"}}))


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (sample(messages=[]), "messages must be an array that is not empty"),
        (sample(messages="hello"), "messages must be an array"),
        (sample(messages=[{"role": "system", "content": {"type": "text"}}]), "role must be one"),
        (sample(messages=[{"role": "user", "content": "text"}]), "blocks with a type"),
        (sample(messages=[{"role": "user", "content": [{"text": "x"}]}]), "blocks with a type"),
        (sample(messages=["hello"]), "role must be one"),
        (sample(maxTokens=None), "maxTokens must be an integer above 0"),
        (sample(maxTokens=0), "maxTokens must be an integer above 0"),
        (sample(maxTokens=True), "maxTokens must be an integer above 0"),
        (sample(systemPrompt=1), "systemPrompt must be a string"),
    ],
)
def test_malformed_sampling_request_names_the_rule(request_: JsonObject, rule: str) -> None:
    """schema.ts `CreateMessageRequestParams`, `SamplingMessage`."""
    with pytest.raises(BadResult, match=rule) as caught:
        read(request_)
    assert "MCP server depot: tools/call: inputRequests['k']" in str(caught.value)


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (FORM, {"action": "accept", "content": {"a": 1}}),
        (FORM, {"action": "cancel"}),
        (SAMPLE, {"role": "assistant", "content": {"type": "text", "text": "x"}, "model": "m"}),
        (SAMPLE, {"role": "assistant", "content": [], "model": "m"}),
        (ROOTS, {"roots": []}),
        (ROOTS, {"roots": [{"uri": "file:///srv", "name": "srv"}]}),
    ],
)
def test_answer_of_the_right_kind_is_let_through(request_: Json, response: Json) -> None:
    """schema.ts `ElicitResult`, `CreateMessageResult`, `ListRootsResult`."""
    check_response("k", request_, response)


@pytest.mark.parametrize(
    ("request_", "response", "rule"),
    [
        (FORM, "yes", "must be an object"),
        (FORM, {"action": "maybe"}, "action must be one of"),
        (FORM, {"action": "accept", "content": []}, "content must be an object"),
        (SAMPLE, {"action": "accept"}, "role must be one of"),
        (SAMPLE, {"role": "assistant", "content": {}}, "model must be a string"),
        (SAMPLE, {"role": "assistant", "model": "m", "content": "x"}, "content must be a block"),
        (ROOTS, {"roots": "/srv"}, "roots must be an array"),
        (ROOTS, {"roots": [{"uri": "https://x.example"}]}, "needs a file:// uri"),
        (ROOTS, {"roots": ["/srv"]}, "needs a file:// uri"),
    ],
)
def test_answer_of_another_kind_never_leaves(request_: Json, response: Json, rule: str) -> None:
    """ours: what breaks the protocol is our caller's mistake, found before it is sent."""
    with pytest.raises(LocalError, match=rule):
        check_response("k", request_, response)


@pytest.mark.parametrize(
    ("declared", "json"),
    [
        (Capabilities(), {"elicitation": {"form": {}, "url": {}}}),
        (Capabilities(url=False), {"elicitation": {"form": {}}}),
        (Capabilities(form=False, url=False), {}),
        (
            EVERYTHING,
            {
                "elicitation": {"form": {}, "url": {}},
                "sampling": {},
                "roots": {},
                "extensions": {"io.modelcontextprotocol/tasks": {}},
            },
        ),
    ],
)
def test_capabilities_are_declared_as_objects(declared: Capabilities, json: JsonObject) -> None:
    """basic/index `clientCapabilities`; Tasks extension, "Capability Negotiation"."""
    assert declared.to_json() == json
