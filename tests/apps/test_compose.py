"""What a configuration makes of a runtime: its bounds, and the names it is asked by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from interloom.apps.compose import compose
from interloom.apps.config import parse
from interloom.runtime.errors import Unauthenticated
from interloom.runtime.serve.auth import Credentials, Principal
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.runtime import Runtime
from tests.apps.agent_source import ECHO


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "composed_agent.py").write_text(ECHO, "utf-8")
    return tmp_path


def runtime(folder: Path, server: str) -> Runtime:
    text = f'agents: {{echo: {{use: "composed_agent:echo"}}}}\nstore: "memory:"\nserver: {server}\n'
    config = parse(text, "interloom.yaml", {})
    base_url = config.server.url or f"http://{config.server.host}:8080"
    return compose(config, base_url=base_url, folder=folder)


async def status(app: Any, host: str) -> int:  # noqa: ANN401 - an ASGI application
    """The status of an answer to a request for a host, before there is anything to serve."""
    statuses: list[int] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    headers = [(b"host", host.encode())]
    scope = {"type": "http", "method": "GET", "path": "/health", "headers": headers}
    await app(scope, receive, send)
    return statuses[0]


OPEN = "host: 0.0.0.0, allowUnauthenticated: true"
URL = 'url: "https://agents.example"'


@pytest.mark.parametrize(
    ("server", "ours", "theirs"),
    [
        ("{}", ["localhost:8080", "127.0.0.1"], ["agents.example", "0.0.0.0:8080"]),
        (f"{{{URL}}}", ["localhost", "agents.example"], ["evil.example"]),
        (f"{{{OPEN}, {URL}}}", ["agents.example"], ["localhost", "0.0.0.0:8080"]),
        (f"{{{OPEN}}}", ["localhost", "agents.example", "10.0.0.1:8080"], []),
    ],
    ids=["loopback", "loopback behind a name", "open under a name", "open under any name"],
)
async def test_runtime_answers_to_the_names_it_can_know(
    folder: Path, server: str, ours: list[str], theirs: list[str]
) -> None:
    """Ours: bound to loopback, and wherever its address was configured, it knows its names."""
    app = runtime(folder, server).app()

    assert {await status(app, host) for host in ours} == {503}
    assert {await status(app, host) for host in theirs} <= {421}


def test_body_limit_is_one_number_for_all_who_bound_bodies(folder: Path) -> None:
    """README, configuration."""
    assert runtime(folder, "{}").limits == BodyLimits() == BodyLimits(max_bytes=4 * 1024 * 1024)
    assert runtime(folder, "{maxBodyBytes: 65536}").limits.max_bytes == 65536


async def test_tokens_of_the_file_are_who_may_call(folder: Path) -> None:
    """docs/security.md: a token, the one it replaces, and the tenants of its caller."""
    ada = "ada: aaaa-aaaa-aaaa-aaaa"
    bob = "bob: {secret: bbbb-bbbb-bbbb-bbbb, previous: bbbb-bbbb-bbbb-old, tenants: [acme]}"
    settings = runtime(folder, f"{{host: 0.0.0.0, tokens: {{{ada}, {bob}}}}}").settings

    async def caller(token: str) -> Principal:
        assert settings.authenticator is not None
        shown = Credentials({b"authorization": f"Bearer {token}".encode()})
        return await settings.authenticator.authenticate(shown)

    assert await caller("aaaa-aaaa-aaaa-aaaa") == Principal("ada")
    assert await caller("bbbb-bbbb-bbbb-bbbb") == Principal("bob", frozenset({"acme"}))
    assert await caller("bbbb-bbbb-bbbb-old") == Principal("bob", frozenset({"acme"}))
    with pytest.raises(Unauthenticated):
        await caller("cccc-cccc-cccc-cccc")


def test_without_tokens_nobody_is_asked(folder: Path) -> None:
    """docs/security.md."""
    assert runtime(folder, "{}").settings.authenticator is None


def test_extended_card_of_the_file_takes_the_place_of_the_code(folder: Path) -> None:
    """README, configuration: A2A 3.1.11."""
    text = """
agents:
  echo:
    use: "composed_agent:echo"
    extended:
      description: Says more.
      skills: [{id: w, name: Whisper, description: Whispers., tags: [quiet]}]
server: {tokens: {ada: aaaa-aaaa-aaaa-aaaa}}
"""
    config = parse(text, "interloom.yaml", {})
    served = compose(config, base_url="http://127.0.0.1:8080", folder=folder)

    (about,) = served.abouts.values()
    assert about.extended is not None
    assert about.extended.description == "Says more."
    assert [skill.name for skill in about.extended.skills] == ["Whisper"]
