"""HTTP around the bindings: verbs, paths, cards."""

from __future__ import annotations

import pytest

from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.serve.runtime import Runtime
from tests.runtime.serve.raw import AGENTS, HEADERS, Answer, running

CARD = "/.well-known/agent-card.json"


def _is_http_refusal(answer: Answer, status: int, reason: str) -> None:
    assert answer.status == status
    assert (answer.error["code"], answer.error["message"]) == (status, reason)
    answer.is_discreet()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
@pytest.mark.parametrize("path", ["/", "/a2a/echo", "/a2a/echo/"])
async def test_binding_takes_only_post(method: str, path: str) -> None:
    """A2A 9.1: JSON-RPC is POST; RFC 9110 15.5.6: 405 says what is allowed."""
    async with running() as server:
        answer = await server.ask(method=method, path=path)

    _is_http_refusal(answer, 405, "this path takes POST")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("path", [CARD, f"/a2a/echo{CARD}", "/health"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_pages_take_only_get(method: str, path: str) -> None:
    """RFC 9110 15.5.6."""
    async with running() as server:
        answer = await server.ask(b"{}", method=method, path=path)

    _is_http_refusal(answer, 405, "this path takes GET, HEAD")
    assert answer.headers["allow"] == "GET, HEAD"


UNKNOWN = ["/a2a", "/a2a/", "/a2a/nobody", "/a2a/echo/x", "/a2a/Echo", "//", "/etc/passwd", "/../x"]


@pytest.mark.parametrize("path", [*UNKNOWN, "/" + "x" * 10_000, "/a2a/é\x00"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_unknown_path_is_not_found(method: str, path: str) -> None:
    """RFC 9110 15.5.5; the path is not repeated."""
    async with running() as server:
        answer = await server.ask(b"{}", method=method, path=path)

    _is_http_refusal(answer, 404, "nothing is served at this path")


@pytest.mark.parametrize("path", ["/", "/a2a/echo", "/a2a/echo/"])
async def test_agent_is_reached_on_each_of_its_paths(path: str) -> None:
    """Ours: a trailing slash is the same place, the root is the first agent."""
    async with running() as server:
        answer = await server.ask(
            b'{"jsonrpc":"2.0","id":1,"method":"ListTasks","params":{}}', path=path
        )

    assert answer.result["totalSize"] == 0


async def test_card_names_the_place_it_is_served_at() -> None:
    """A2A 8.2 and 8.3: the well-known path, and an interface that is right."""
    async with running() as server:
        own, default = await server.ask(method="GET", path=f"/a2a/asker{CARD}"), None
        default = await server.ask(method="GET", path=CARD)

    assert own.frame["name"] == "asker"
    assert own.frame["supportedInterfaces"] == [
        {
            "url": "http://127.0.0.1:8080/a2a/asker",
            "protocolBinding": binding,
            "protocolVersion": "1.0",
        }
        for binding in ("JSONRPC", "HTTP+JSON")
    ]
    assert default.frame["name"] == "echo"


async def test_head_has_the_status_and_no_body() -> None:
    """RFC 9110 9.3.2; 8.6: a length is the one GET would have."""
    async with running() as server:
        whole = await server.ask(method="GET", path="/health")
        answer = await server.ask(method="HEAD", path="/health")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers == whole.headers
    assert answer.headers["content-length"] == str(len(whole.body))


async def test_runtime_that_is_not_up_says_so() -> None:
    """RFC 9110 15.6.4: 503, before the lifespan has begun."""
    async with running() as server:
        server.world.port.app = Runtime(AGENTS, MemoryLedger).app()
        answer = await server.ask(b"{}", headers=HEADERS)
        await server.world.restart()

    _is_http_refusal(answer, 503, "not serving")


def test_runtime_without_agents_is_refused() -> None:
    """Ours."""
    with pytest.raises(BadConfig, match="there is no agent to serve"):
        Runtime([], MemoryLedger).app()


def test_two_agents_of_one_name_are_refused() -> None:
    """Ours: the name is part of the address."""
    with pytest.raises(BadConfig, match="two agents are called echo"):
        Runtime([*AGENTS, AGENTS[0]], MemoryLedger)
