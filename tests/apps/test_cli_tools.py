"""`interloom tools`: list, show."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from interloom.bridges.mcp.core.pins import fingerprint
from tests.apps import fake_agent as fake
from tests.apps.command_line import run
from tests.apps.fake_agent import FakeAgent
from tests.apps.tool_program import TOOLS

PROGRAM = Path(__file__).with_name("tool_program.py")
AWAY = {"url": "http://127.0.0.1:9/mcp?key=s3cret", "headers": {"Authorization": "Bearer s3cret"}}
SHIP, ADD = (fingerprint(json.loads(json.dumps(tool))) for tool in TOOLS)


@pytest.fixture
def depot() -> dict[str, object]:
    return {"command": sys.executable, "args": [str(PROGRAM)]}


def configuration(folder: Path, **servers: object) -> str:
    file = folder / "interloom.yaml"
    agents = {"a": {"use": "no_such_module:a"}}
    file.write_text(json.dumps({"agents": agents, "mcpServers": servers}), "utf-8")
    return str(file)


def test_list_shows_one_line_a_server(tmp_path: Path, depot: dict[str, object]) -> None:
    """docs/tool-servers.md; no agent is imported for it."""
    result = run("tools", "list", configuration(tmp_path, depot=depot))

    assert result.exit_code == 0
    assert result.stdout == "depot  reached   modern 2026-07-28   2 tools\n"


def test_server_that_is_away_is_told_and_the_others_are_shown(
    tmp_path: Path, depot: dict[str, object], agent: FakeAgent
) -> None:
    """Ours: exit code 4; nothing of an address or a header is shown."""
    agent.on("tools/list", fake.Raw(401))
    file = configuration(tmp_path, depot=depot, gone=AWAY, shut={"url": f"{agent.url}/mcp"})
    result = run("tools", "list", file)

    assert result.exit_code == 4
    first, second, third = result.stdout.splitlines()
    assert first == "depot  reached   modern 2026-07-28   2 tools"
    assert second.startswith("gone   away      - -                 MCP server gone: tools/list: ")
    assert third.startswith("shut   refuses   - -                 MCP server shut: tools/list: ")
    assert result.stderr == ("error: 2 of 3 tool servers do not say what they offer: gone, shut\n")
    assert "s3cret" not in result.stdout + result.stderr


def test_list_in_json_is_the_health_of_each_server(
    tmp_path: Path, depot: dict[str, object]
) -> None:
    """docs/tool-servers.md."""
    result = run("tools", "list", configuration(tmp_path, depot=depot), "-o", "json")

    (found,) = json.loads(result.stdout)
    assert found.pop("answered").startswith("20")
    assert [tool["name"] for tool in found.pop("tools")] == ["ship", "add"]
    assert found == {
        "server": "depot",
        "era": "modern",
        "version": "2026-07-28",
        "reached": "yes",
        "problem": "",
        "failures": 0,
        "restsForS": None,
        "clients": 1,
        "cache": {"hits": 0, "misses": 1, "kept": 1, "purged": 0},
        "changedTools": [],
    }


def test_tool_that_is_not_as_agreed_is_pointed_out(
    tmp_path: Path, depot: dict[str, object]
) -> None:
    """Ours: before anybody calls it."""
    file = configuration(tmp_path, depot={**depot, "pins": {"ship": "0" * 64, "add": ADD}})

    listed = run("tools", "list", file).stdout
    shown = run("tools", "show", "depot", file).stdout

    assert listed == "depot  reached   modern 2026-07-28   2 tools; not as agreed: ship\n"
    assert shown == f"ship  {SHIP}  changed     Ships things.\nadd   {ADD}  agreed\n"


def test_show_gives_what_pins_are_made_of(tmp_path: Path, depot: dict[str, object]) -> None:
    """docs/configuration.md: `pins`."""
    file = configuration(tmp_path, depot=depot, gone=AWAY)
    result = run("tools", "show", "depot", file, "-o", "json")

    assert result.exit_code == 0
    tools = json.loads(result.stdout)["tools"]
    assert [(tool["digest"], tool["pinned"]) for tool in tools] == [
        (SHIP, "not pinned"),
        (ADD, "not pinned"),
    ]


def test_server_that_keeps_silent_is_left_after_a_while(tmp_path: Path) -> None:
    """Ours: every wait is bounded."""
    silent = {"command": sys.executable, "args": ["-c", "import time; time.sleep(60)"]}
    result = run("tools", "list", configuration(tmp_path, s=silent), "--timeout", "0.2")

    assert result.exit_code == 4
    assert "MCP server s: tools/list: no answer within 0.2 s" in result.stdout


def test_server_that_is_not_in_the_file_is_a_mistake(
    tmp_path: Path, depot: dict[str, object]
) -> None:
    result = run("tools", "show", "depo", configuration(tmp_path, depot=depot))

    assert result.exit_code == 2
    assert "no tool server 'depo'; it has: depot" in result.stderr


def test_file_without_tool_servers_has_none_to_show(tmp_path: Path) -> None:
    result = run("tools", "list", configuration(tmp_path))

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
