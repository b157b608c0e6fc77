"""interloom.yaml: what loads, and what every mistake is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interloom.apps.config import (
    MAX_FILE_BYTES,
    Config,
    HttpServer,
    LocalAgent,
    RemoteAgent,
    StdioServer,
    load,
    parse,
)
from interloom.runtime.errors import BadConfig
from tests.apps.broken_configs import AGENT, BROKEN, SECRET, Broken
from tests.apps.broken_pushes import BROKEN_PUSHES
from tests.apps.broken_repeats import BROKEN_REPEATS


@pytest.mark.parametrize(
    "broken", BROKEN + BROKEN_PUSHES + BROKEN_REPEATS, ids=lambda broken: broken.name
)
def test_mistake_is_told_with_its_line_and_key(broken: Broken) -> None:
    """Ours: all problems at once, in the order of the file, without a value."""
    with pytest.raises(BadConfig) as refused:
        parse(broken.text, "interloom.yaml", {"TOKEN": SECRET})

    assert str(refused.value).splitlines() == [f"interloom.yaml:{said}" for said in broken.said]
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


def test_problems_of_all_kinds_come_together_in_the_order_of_the_file() -> None:
    text = (
        "server: {host: 0.0.0.0}\n"
        "agents:\n"
        "  a: {use: trip, tools: [flight]}\n"
        "mcpServers:\n"
        "  flights: {url: '${NOT_SET}', timout: 3}\n"
        "store: memory\n"
        "store: 'memory:'\n"
    )

    with pytest.raises(BadConfig) as refused:
        parse(text, "f.yaml", {})

    lines = [int(line.split(":")[1]) for line in str(refused.value).splitlines()]
    assert lines == [1, 3, 3, 5, 5, 6, 7]


SHAPES: dict[str, dict[str, object]] = {
    "url alone": {"linear": {"url": "https://mcp.linear.example/mcp"}},
    "type http with a token": {
        "github": {
            "type": "http",
            "url": "https://api.github.example/mcp/",
            "headers": {"Authorization": "Bearer ${TOKEN}"},
        }
    },
    "streamable-http": {"s": {"type": "streamable-http", "url": "http://localhost:3000/mcp"}},
    "streamableHttp": {"s": {"type": "streamableHttp", "url": "http://127.0.0.1:3000/mcp"}},
    "key in the query": {"exa": {"url": "https://mcp.exa.example/mcp?exaApiKey=${TOKEN}&x=1"}},
    "env prefix": {"c": {"url": "https://${env:HOST}/mcp", "headers": {"X-Key": "${env:TOKEN}"}}},
    "default": {"d": {"url": "${API_BASE:-https://api.example.com}/mcp"}},
    "approvals of other clients": {
        "a": {
            "url": "https://a.example/mcp",
            "alwaysAllow": ["x"],
            "autoApprove": [],
            "disabled": False,
        }
    },
    "timeout in seconds": {"t": {"url": "https://t.example/mcp", "timeout": 90, "retry": "always"}},
    "names with dots and spaces": {
        "Sequential Thinking": {"url": "https://s.example/mcp"},
        "@scope/tool.name": {"url": "https://t.example/mcp"},
    },
    "stdio": {
        "memory": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"]},
        "git": {"command": "uvx", "args": ["mcp-server-git"], "env": {"KEY": "${TOKEN}"}},
    },
    "disabled stdio": {
        "files": {
            "command": "npx",
            "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv"],
            "env": {"NODE_ENV": "production", "KEY": "${TOKEN}"},
            "cwd": "/srv",
            "disabled": True,
        },
        "typed": {"type": "stdio", "command": "uvx", "args": ["geo"], "disabled": True},
    },
    "nothing": {},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_block_pasted_from_another_client_loads(shape: dict[str, object]) -> None:
    """Ours: `mcpServers` as MCP clients write it, JSON inside YAML."""
    text = f"{AGENT}mcpServers: {json.dumps(shape, indent=2)}\n"

    config = parse(text, "interloom.yaml", {"TOKEN": SECRET, "HOST": "c.example"})

    assert config.mcp_servers.keys() == shape.keys()
    assert SECRET not in repr(config)


def test_whole_file_becomes_one_frozen_value(tmp_path: Path) -> None:
    file = tmp_path / "interloom.yaml"
    file.write_text(
        "agents:\n"
        "  concierge: {use: 'trip:concierge', tools: [flights], description: Books}\n"
        "mcpServers:\n"
        "  flights: {url: 'https://flights.example/mcp', headers: {X: '${KEY}'}, retry: always}\n"
        "  old: {url: 'https://old.example/mcp', disabled: true}\n"
        "store: sqlite:///data/tasks.db\n"
        "server: {host: 0.0.0.0, port: '${PORT:-9000}', url: 'https://agents.example',\n"
        "         grpcPort: 9001, grpcAddress: 'agents.example:443',\n"
        "         maxBodyBytes: 65536, maxRuns: 50, grace: 30, allowUnauthenticated: true,\n"
        "         tls: {cert: c.pem, key: k.pem},\n"
        "         tokens: {ada: '${TOKEN}', bob: {secret: b-b-b-b-b-b-b-b-b, tenants: [acme]}}}\n",
        encoding="utf-8",
    )

    config = load(file, {"KEY": "k", "PORT": "", "TOKEN": SECRET})

    assert config.local_agents() == {
        "concierge": LocalAgent(use="trip:concierge", tools=("flights",), description="Books")
    }
    assert config.tool_servers() == {
        "flights": HttpServer(
            url="https://flights.example/mcp", headers={"X": "k"}, timeout=60, retry={"*": "always"}
        )
    }
    assert config.store == "sqlite:///data/tasks.db"
    assert config.server.model_dump() == {
        "host": "0.0.0.0",  # noqa: S104 - the point of the test
        "port": 9000,
        "url": "https://agents.example",
        "grpc_port": 9001,
        "grpc_address": "agents.example:443",
        "max_body_bytes": 65536,
        "max_runs": 50,
        "grace": 30,
        "tls": {"cert": "c.pem", "key": "k.pem", "client_ca": None},
        "signing_key": None,
        "tokens": {
            "ada": {"secret": SECRET, "previous": None, "tenants": ()},
            "bob": {"secret": "b-b-b-b-b-b-b-b-b", "previous": None, "tenants": ("acme",)},
        },
        "allow_unauthenticated": True,
    }
    assert SECRET not in repr(config)


def test_everything_but_the_agents_has_a_default() -> None:
    config = parse(AGENT, "f", {})

    assert config == Config(agents={"a": LocalAgent(use="trip:concierge")})
    assert config.store == "sqlite:///interloom.db"
    assert (config.server.host, config.server.port) == ("127.0.0.1", 8080)


def test_agents_elsewhere_are_there_to_be_called() -> None:
    """docs/configuration.md: `card`, `headers`, `retry`, `honoursKey`; no secret is shown."""
    card = "https://hotel.example/.well-known/agent-card.json?key=hunter2-of-the-test"
    hotel = {
        "card": card,
        "headers": {"Authorization": "hunter2-of-the-test"},
        "retry": "never",
        "honoursKey": True,
    }
    agents = {"a": {"use": "trip:concierge", "peers": ["hotel"]}, "hotel": hotel}

    config = Config.model_validate({"agents": agents})

    assert config.local_agents() == {"a": LocalAgent(use="trip:concierge", peers=("hotel",))}
    found = config.agents["hotel"]
    assert isinstance(found, RemoteAgent)
    assert (found.card, found.retry, found.honours_key) == (card, "never", True)
    assert SECRET not in repr(found)


def test_server_that_is_disabled_is_read_and_not_used() -> None:
    """docs/configuration.md."""
    text = (
        f"{AGENT}mcpServers: {{f: {{command: x, disabled: true}}, g: {{command: y, args: [z]}}}}\n"
    )
    config = parse(text, "f", {})

    assert config.mcp_servers["f"] == StdioServer(command="x", disabled=True)
    assert config.tool_servers() == {"g": StdioServer(command="y", args=("z",))}


@pytest.mark.parametrize("root", ["srv", "/srv/../etc"])
def test_root_is_where_it_says(root: str) -> None:
    """MCP 2026-07-28 client/roots: root URIs are validated against path traversal."""
    with pytest.raises(BadConfig, match=r"3: mcpServers\.f\.roots\[0\]: must be an absolute path"):
        parse(f"{AGENT}mcpServers: {{f: {{command: x, roots: ['{root}']}}}}\n", "f", {})


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST"]
)
def test_loopback_needs_no_consent(host: str) -> None:
    assert parse(f"{AGENT}server: {{host: '{host}'}}\n", "f", {}).server.host == host.strip("[]")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", "one"),
        ("x-${A}-${B:-two}", "x-one-two"),
        ("${EMPTY}", ""),
        ("${EMPTY:-d}", "d"),
        ("${B:-}", ""),
        ("${B:-a b:c}", "a b:c"),
        ("$${A}", "${A}"),
        ("$A $5", "$A $5"),
        ("${NESTED}", "${A}"),
    ],
)
def test_reference_is_replaced_once(written: str, value: str) -> None:
    text = f"agents:\n  a: {{use: 'x:y', description: '{written}'}}\n"

    config = parse(text, "f", {"A": "one", "EMPTY": "", "NESTED": "${A}"})

    assert config.local_agents()["a"].description == value


def test_anchors_may_be_shared() -> None:
    text = (
        "agents:\n  a: {use: 'x:y', tools: &t [f]}\n  b: {use: 'x:z', tools: *t}\n"
        "mcpServers: {f: {url: 'https://f.example'}}\n"
    )

    assert parse(text, "f", {}).local_agents()["b"].tools == ("f",)


def test_date_stays_text() -> None:
    text = "agents:\n  a: {use: 'x:y', description: 2026-07-28}\n"

    assert parse(text, "f", {}).local_agents()["a"].description == "2026-07-28"


def test_byte_order_mark_of_a_windows_editor_is_no_obstacle(tmp_path: Path) -> None:
    file = tmp_path / "interloom.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + AGENT.replace("\n", "\r\n").encode())

    assert load(file, {}).agents.keys() == {"a"}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (AGENT.encode("utf-16"), "1: not UTF-8 text"),
        (AGENT.encode() + b"store: '\xe9'\n", "3: not UTF-8 text"),
        (b"\x00" * 20, "1: a character that YAML does not allow"),
        (b"#" * (MAX_FILE_BYTES + 1), f"1: larger than {MAX_FILE_BYTES} bytes"),
    ],
    ids=["utf-16", "latin-1", "zeros", "too large"],
)
def test_file_that_is_no_text_is_refused(tmp_path: Path, raw: bytes, said: str) -> None:
    file = tmp_path / "interloom.yaml"
    file.write_bytes(raw)

    with pytest.raises(BadConfig) as refused:
        load(file, {})

    assert str(refused.value) == f"{file}:{said}"


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"none\.yaml: no such file"):
        load(tmp_path / "none.yaml", {})


def test_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="cannot be read \\(IsADirectoryError\\)"):
        load(tmp_path, {})
