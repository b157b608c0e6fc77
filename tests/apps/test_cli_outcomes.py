"""Every way a command can end has its exit code, in text and in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from interloom.apps.connect import for_server
from interloom.runtime.wire import catalogue
from tests.apps import fake_agent as fake
from tests.apps.command_line import ASKING, ASKS, call, run
from tests.apps.fake_agent import Answer, Error, Events, FakeAgent, Hang, Raw


@dataclass(frozen=True)
class Outcome:
    """An agent's behaviour, and what the shell hears of it."""

    name: str
    exit_code: int
    code: str
    stderr: str
    """The end of the last line."""
    script: dict[str, Answer] = field(default_factory=dict[str, Answer])
    args: tuple[str, ...] = ()


def ended(state: str, text: str = "") -> dict[str, Answer]:
    return {
        "SendStreamingMessage": Events(({"task": fake.task("WORKING")}, fake.moved(state, text))),
        "GetTask": fake.Result(fake.task(state, text)),
    }


def answered(answer: Answer) -> dict[str, Answer]:
    return {"SendStreamingMessage": answer}


OUTCOMES = [
    Outcome("failed", 5, "TASK_FAILED", "task t-1 failed: no seats; ", ended("FAILED", "no seats")),
    Outcome("rejected", 5, "TASK_REJECTED", "task t-1 rejected; ", ended("REJECTED")),
    Outcome("canceled", 5, "TASK_CANCELED", "task t-1 canceled; ", ended("CANCELED")),
    Outcome(
        "asks",
        6,
        "INPUT_REQUIRED",
        "to go on: interloom tasks answer",
        ended("INPUT_REQUIRED", "Which?"),
    ),
    Outcome(
        "authorization",
        3,
        "AUTH_REQUIRED",
        " t-1 done",
        ended("AUTH_REQUIRED", "Open x"),
    ),
    Outcome(
        "credentials",
        3,
        "AUTH_REQUIRED",
        "HTTP 401, credentials needed; put a token that the server takes into INTERLOOM_TOKEN",
        answered(Raw(401, headers={"WWW-Authenticate": "Bearer"})),
    ),
    Outcome("forbidden", 3, "AUTH_REQUIRED", "HTTP 403, credentials needed; ", answered(Raw(403))),
    Outcome(
        "no such task",
        5,
        "TASK_NOT_FOUND",
        ": Task not found",
        answered(Error(-32001, "Task not found")),
    ),
    Outcome(
        "over", 5, "UNSUPPORTED_OPERATION", ": it is over", answered(Error(-32004, "it is over"))
    ),
    Outcome(
        "old agent", 5, "VERSION_NOT_SUPPORTED", ": only 0.3", answered(Error(-32009, "only 0.3"))
    ),
    Outcome(
        "broken",
        1,
        "PEER",
        ": Internal error",
        answered(Error(-32603, "Internal error", "INTERNAL")),
    ),
    Outcome(
        "draining",
        4,
        "UNAVAILABLE",
        ": draining",
        answered(Error(-32603, "draining", "UNAVAILABLE")),
    ),
    Outcome("gateway", 4, "TRANSPORT", ": HTTP 503, try again later; ", answered(Raw(503))),
    Outcome("teapot", 1, "HTTP_STATUS", ": HTTP 418", answered(Raw(418))),
    Outcome(
        "not JSON",
        1,
        "INVALID_AGENT_RESPONSE",
        "the answer is not a JSON object",
        answered(Raw(200, b"<html>")),
    ),
    Outcome(
        "not A2A",
        1,
        "INVALID_AGENT_RESPONSE",
        "StreamResponse: task.id: is required",
        answered(Events(({"task": {"status": {"state": "TASK_STATE_WORKING"}}},))),
    ),
    Outcome("silent stream", 1, "PEER", "without a task or a message", answered(Events(()))),
    Outcome(
        "too slow",
        8,
        "TIMEOUT",
        "no outcome within 0.2 s; the task may go on: interloom tasks get",
        answered(Hang(({"task": fake.task("WORKING")},))),
        ("--timeout", "0.2"),
    ),
    Outcome("no timeout", 2, "USAGE", "see interloom call --help", {}, ("--timeout", "0")),
    Outcome("unknown option", 2, "USAGE", "see interloom call --help", {}, ("--colour",)),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.name)
def test_outcome_has_its_exit_code_in_text(agent: FakeAgent, outcome: Outcome) -> None:
    """Ours: the exit codes 0 to 8 of the command line."""
    agent.script = {method: [answer] for method, answer in outcome.script.items()}

    result = call(agent, *outcome.args)

    assert result.exit_code == outcome.exit_code, result.stderr
    assert outcome.stderr in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.name)
def test_outcome_has_its_exit_code_and_name_in_json(agent: FakeAgent, outcome: Outcome) -> None:
    agent.script = {method: [answer] for method, answer in outcome.script.items()}

    result = call(agent, *outcome.args, "-o", "json")

    assert result.exit_code == outcome.exit_code
    error = json.loads(result.stderr.splitlines()[-1])["error"]
    assert error["code"] == outcome.code
    assert error.keys() == {"code", "message", "hint", "retryable"}
    assert error["retryable"] == (outcome.code in {"UNAVAILABLE", "TRANSPORT", "TIMEOUT"})


@pytest.mark.parametrize("form", ["text", "json"])
def test_server_that_is_not_there_is_unreachable(form: str) -> None:
    with fake.fake_agent() as gone:
        url = gone.url

    result = run("call", "a", "x", "--url", url, "-o", form)

    assert result.exit_code == 4
    assert "refused or unreachable" in result.stderr
    assert result.stderr.count("\n") == 1


def test_name_nobody_has_is_told(agent: FakeAgent) -> None:
    result = run("call", "b", "x", "--url", agent.url)

    assert result.exit_code == 4
    assert result.stderr == f"error: no agent 'b' at {agent.url}; check the name and --url\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("consierge", "did you mean 'concierge'? it has concierge, hotel"),
        ("x", "it has concierge, hotel"),
    ],
)
def test_name_that_is_mistyped_is_told_with_those_there_are(
    agent: FakeAgent, name: str, hint: str
) -> None:
    """The server's catalogue (RFC 9727) says which agents it has."""
    places = [catalogue.Item(each, f"/a2a/{each}", "/card") for each in ("concierge", "hotel")]
    agent.catalogue = catalogue.linkset("/", places)

    result = run("call", name, "x", "--url", agent.url)

    assert result.exit_code == 4
    assert result.stderr == f"error: no agent '{name}' at {agent.url}; {hint}\n"


@pytest.mark.parametrize(
    "odd", [b"", b"}{", b"[]", b'{"linkset": []}', b'{"linkset": [{"item": [{"title": 7}]}]}']
)
def test_catalogue_that_is_none_is_no_second_error(agent: FakeAgent, odd: bytes) -> None:
    agent.catalogue = odd

    result = run("call", "b", "x", "--url", agent.url)

    assert result.exit_code == 4
    assert result.stderr == f"error: no agent 'b' at {agent.url}; check the name and --url\n"


@pytest.mark.parametrize(
    ("url", "asked", "is_sent"),
    [
        ("https://agents.example", "https://agents.example", True),
        ("https://agents.example", "https://agents.example:8443", False),
        ("https://agents.example", "agents.example:443", True),
        ("https://Agents.example/base", "agents.example:9000", True),
        ("http://127.0.0.1:8080", "127.0.0.1:9000", True),
        ("http://[::1]:8080", "[::1]:9000", True),
        ("https://agents.example", "evil.example:443", False),
        ("https://agents.example", "agents.example.evil.example:443", False),
        ("https://agents.example", "http://agents.example:9000", False),
        ("https://agents.example", "unix:agents.example", False),
    ],
)
async def test_token_goes_to_the_server_that_was_named_and_to_grpc_on_its_host(
    url: str, asked: str, is_sent: bool
) -> None:
    """docs/security.md: a gRPC interface is a port of its own, of no origin."""
    given = await for_server(url, "Bearer secret")(asked)

    assert given == ({"authorization": "Bearer secret"} if is_sent else {})


def test_card_behind_a_login_needs_credentials(agent: FakeAgent) -> None:
    agent.card_answer = Raw(401)

    assert call(agent).exit_code == 3


def test_card_without_our_binding_is_told(agent: FakeAgent) -> None:
    card = agent.card
    card["supportedInterfaces"][0]["protocolBinding"] = "TELEX"
    agent.card_answer = Raw(200, json.dumps(card).encode())

    result = call(agent)

    assert result.exit_code == 1
    assert (
        "offers no JSONRPC or HTTP+JSON or GRPC 1.0 interface; it offers TELEX 1.0" in result.stderr
    )


def test_binding_that_the_agent_does_not_offer_is_told(agent: FakeAgent) -> None:
    """A word on the command line is wrong, and nothing is broken: 2."""
    result = call(agent, "--binding", "HTTP+JSON")

    assert result.exit_code == 2
    assert result.stderr == "error: agent 'a' offers no HTTP+JSON; it offers JSONRPC\n"


def test_binding_that_was_chosen_is_kept_in_the_hint(agent: FakeAgent) -> None:
    agent.on("SendStreamingMessage", ASKS)
    agent.on("GetTask", fake.Result(ASKING))

    result = call(agent, "--binding", "jsonrpc")

    assert result.exit_code == 6
    assert "--binding JSONRPC" in result.stderr
