"""What is installed: one namespace, typed, with the public names that were agreed on."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

from tests.architecture.tree import MODULES, PREFIX, ROOT, SOURCES

TIMEOUT_S = 30

PUBLIC: dict[str, tuple[str, ...]] = {
    "protos": (),
    "runtime": (),
    "runtime.client": (
        "A2AClient",
        "AuthRequired",
        "BadStatus",
        "Cards",
        "ClientOptions",
        "Credentials",
        "Demand",
        "Resume",
        "Trust",
        "for_origin",
        "http_bindings",
        "resolve",
    ),
    "runtime.core": (),
    "runtime.engine": (),
    "runtime.ledger": (),
    "runtime.model": (
        "UNSET",
        "APIKeySecurityScheme",
        "AgentCapabilities",
        "AgentCard",
        "AgentCardSignature",
        "AgentExtension",
        "AgentInterface",
        "AgentProvider",
        "AgentSkill",
        "Artifact",
        "AuthenticationInfo",
        "AuthorizationCodeOAuthFlow",
        "CancelTaskRequest",
        "ClientCredentialsOAuthFlow",
        "DeleteTaskPushNotificationConfigRequest",
        "DeviceCodeOAuthFlow",
        "GetExtendedAgentCardRequest",
        "GetTaskPushNotificationConfigRequest",
        "GetTaskRequest",
        "HTTPAuthSecurityScheme",
        "ImplicitOAuthFlow",
        "ListTaskPushNotificationConfigsRequest",
        "ListTaskPushNotificationConfigsResponse",
        "ListTasksRequest",
        "ListTasksResponse",
        "Message",
        "MutualTlsSecurityScheme",
        "OAuth2SecurityScheme",
        "OAuthFlows",
        "OpenIdConnectSecurityScheme",
        "Part",
        "PasswordOAuthFlow",
        "Role",
        "SecurityRequirement",
        "SecurityScheme",
        "SendMessageConfiguration",
        "SendMessageRequest",
        "SendMessageResponse",
        "StreamResponse",
        "StringList",
        "SubscribeToTaskRequest",
        "Task",
        "TaskArtifactUpdateEvent",
        "TaskPushNotificationConfig",
        "TaskState",
        "TaskStatus",
        "TaskStatusUpdateEvent",
        "Unset",
        "WireEnum",
        "WireModel",
        "decode",
        "decode_json",
    ),
    "runtime.net": (),
    "runtime.serve": (),
    "runtime.telemetry": (),
    "runtime.testing": (
        "LEDGER_PROMISES",
        "SCENARIOS",
        "BrokenPromise",
        "FakeClock",
        "Promise",
        "SeededIds",
        "Slow",
        "asker",
        "crasher",
        "echo",
        "play",
        "scenarios",
    ),
    "runtime.wire": (),
    "bridges": (
        "CommandSpec",
        "InMemory",
        "McpClient",
        "ServerSpec",
        "Stdio",
        "StreamableHttp",
        "Transport",
    ),
    "bridges.delegation": (
        "MAX_DEPTH",
        "NOBODY",
        "Delegated",
        "DelegationFailed",
        "DelegationUnanswered",
        "Peer",
        "Peers",
        "TooDeep",
    ),
    "bridges.handoff": (
        "EVERY_TOOL",
        "Catalogue",
        "FunctionModel",
        "Offered",
        "OnChange",
        "Pins",
        "Policy",
        "Repeat",
        "Sample",
        "SamplingModel",
        "SamplingRefused",
        "ToolFailed",
        "ToolServer",
        "ToolUnanswered",
        "Toolbox",
        "declared",
    ),
    "bridges.mcp": (
        "Bounds",
        "CommandSpec",
        "Eras",
        "Guarded",
        "Health",
        "InMemory",
        "Known",
        "McpClient",
        "Pool",
        "Reached",
        "ResultCache",
        "ServerSpec",
        "Stdio",
        "StreamableHttp",
        "Transport",
        "Watch",
        "Wishes",
        "http_in_any_era",
        "stdio_in_any_era",
        "watch_kept",
    ),
    "bridges.mcp.core": (),
    "bridges.mcp.legacy": (),
    "agents": (
        "AgentDefinition",
        "AgentFailed",
        "AgentRejected",
        "Artifact",
        "Contents",
        "Context",
        "Declined",
        "Delegated",
        "DelegationFailed",
        "DelegationUnanswered",
        "Extended",
        "Finished",
        "Message",
        "Part",
        "PromptMessage",
        "PromptResult",
        "ToolFailed",
        "ToolResult",
        "ToolUnanswered",
        "Unanswered",
        "agent",
    ),
    "apps": (),
    "apps.commands": (),
}
"""`__all__` of every package; a package without one is a folder, its modules are imported."""


def test_table_names_every_package() -> None:
    """ours: a new package states its public names here."""
    here = {name.removesuffix(".__init__") for name in MODULES if name.endswith("__init__")}
    assert set(PUBLIC) == here


@pytest.mark.parametrize("package", PUBLIC)
def test_package_has_the_public_names_agreed_on(package: str) -> None:
    """style: a name that is published is a promise."""
    module = import_module(PREFIX + package)

    assert tuple(getattr(module, "__all__", ())) == PUBLIC[package]
    assert all(hasattr(module, name) for name in PUBLIC[package])


@pytest.mark.parametrize("root", SOURCES)
def test_source_root_is_one_typed_part_of_the_namespace(root: str) -> None:
    """DESIGN section 1, PEP 420, PEP 561."""
    namespace = ROOT / root / "interloom"

    assert not (namespace / "__init__.py").exists()
    assert [each.name for each in namespace.iterdir() if each.name != "__pycache__"] == [root]
    assert (namespace / root / "py.typed").is_file()


@pytest.mark.parametrize("root", SOURCES)
def test_every_module_is_found_by_walking_the_packages(root: str) -> None:
    """PEP 420: a folder without `__init__` can be imported, and is passed over by who looks."""
    top = import_module(PREFIX + root)
    found = {each.name for each in walk_packages(top.__path__, f"{top.__name__}.")}

    expected = {PREFIX + name.removesuffix(".__init__") for name in MODULES}
    assert found == {name for name in expected if name.startswith(f"{PREFIX}{root}.")}


def _run(program: str, *flags: str, **environment: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own program
        [sys.executable, *flags, "-c", program],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env=environment,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", SOURCES)
def test_folder_name_is_no_top_level_package_once_installed(name: str) -> None:
    """DESIGN section 1: `agents` belongs to another distribution on the package index."""
    program = f"import importlib.util as u; print(u.find_spec({name!r}), u.find_spec('interloom'))"

    absent, present = _run(program, "-I").split(" ", 1)

    assert absent == "None"
    assert present.startswith("ModuleSpec(name='interloom'")


def test_agents_of_ours_and_of_somebody_else_live_in_one_process(tmp_path: Path) -> None:
    """DESIGN section 1: a distribution with a top-level `agents` changes nothing for us."""
    theirs = tmp_path / "agents"
    theirs.mkdir()
    (theirs / "__init__.py").write_text("class Agent: ...\n", encoding="utf-8")
    program = (
        "import agents, interloom.agents, interloom.apps.compose\n"
        "print(agents.__file__, interloom.agents.__file__)"
    )

    seen = _run(program, "-P", PYTHONPATH=str(tmp_path))

    assert seen == f"{theirs / '__init__.py'} {ROOT / 'agents/interloom/agents/__init__.py'}"


def test_serving_agents_loads_no_official_sdk() -> None:
    """DESIGN section 7: they cost 20 to 40 times a bare server a request."""
    program = (
        "import sys, interloom.apps.compose\n"
        "print(sorted({'a2a', 'mcp', 'mcp_types', 'grpc', 'starlette'} & set(sys.modules)))"
    )

    assert _run(program, "-I") == "[]"
