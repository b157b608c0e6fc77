"""What a configuration makes of a runtime: its bounds, and the names it is asked by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

from interloom.apps.compose import compose
from interloom.apps.config import parse
from interloom.runtime.engine.retention import Retention
from interloom.runtime.errors import BadConfig, Refused, Unauthenticated
from interloom.runtime.serve.auth import Credentials, Principal
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.wire.methods import Capability
from tests.apps.agent_source import ECHO


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "composed_agent.py").write_text(ECHO, "utf-8")
    return tmp_path


def runtime(folder: Path, server: str, *, retention: str = "{}") -> Runtime:
    text = f'agents: {{echo: {{use: "composed_agent:echo"}}}}\nstore: "memory:"\nserver: {server}\n'
    text += f"retention: {retention}\n"
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
    scope = {"type": "http", "method": "GET", "path": "/nothing", "headers": headers}
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
    """docs/configuration.md."""
    assert runtime(folder, "{}").limits == BodyLimits() == BodyLimits(max_bytes=4 * 1024 * 1024)
    assert runtime(folder, "{maxBodyBytes: 65536}").limits.max_bytes == 65536


def test_process_takes_on_as_many_tasks_as_the_file_says(folder: Path) -> None:
    """docs/configuration.md."""
    assert runtime(folder, "{}").settings.max_runs == 1000
    assert runtime(folder, "{maxRuns: 50}").settings.max_runs == 50
    with pytest.raises(BadConfig, match=r"server\.maxRuns: must be at least 1"):
        runtime(folder, "{maxRuns: 0}")


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
    """docs/configuration.md: A2A 3.1.11."""
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


def posting(folder: Path, push: str) -> Runtime:
    text = f'agents: {{echo: {{use: "composed_agent:echo"}}}}\nstore: "memory:"\npush: {push}\n'
    config = parse(text, "interloom.yaml", {})
    return compose(config, base_url="https://agents.example", folder=folder)


def test_events_are_posted_unless_the_file_says_no(folder: Path) -> None:
    """Ours: and the card says so."""
    plain, quiet = posting(folder, "{}"), posting(folder, "{enabled: false}")

    assert plain.settings.push is not None
    assert quiet.settings.push is None
    assert Capability.PUSH in plain.abouts["echo"].capabilities
    assert Capability.PUSH not in quiet.abouts["echo"].capabilities


def test_posts_go_where_the_file_allows_and_no_further(folder: Path) -> None:
    told = posting(folder, "{allow: [hooks.internal], attempts: 3, timeout: 2.5, maxConfigs: 4}")
    push = told.settings.push

    assert push is not None
    assert (push.max_attempts, push.timeout_s, push.max_configs) == (3, 2.5, 4)
    assert push.guard.target("http://hooks.internal/").origin == "hooks.internal:80"
    with pytest.raises(Refused):
        push.guard.target("http://127.0.0.1/")


def test_posts_are_signed_as_the_file_says(folder: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (folder / "key.pem").write_bytes(pem)
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of a published example
    push = posting(folder, f"{{secret: {secret}, signingKey: key.pem}}").settings.push

    assert push is not None
    fields = [list(each.sign("e", 1, "https://a.example/b", b"{}")) for each in push.signers]
    assert fields == [["webhook-signature"], ["interloom-notification-jwt"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file or directory"), (b"x", "is no private key"), (b"", "is no private key")],
)
def test_signing_key_that_is_none_is_told(folder: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (folder / "key.pem").write_bytes(content)

    with pytest.raises(BadConfig, match=rf"^push\.signingKey: .*key\.pem: {said}"):
        posting(folder, "{signingKey: key.pem}")


def test_key_that_signs_cards_is_read_beside_the_configuration(folder: Path) -> None:
    """A2A 8.4; a problem with it is told by its key in the file."""
    (folder / "card.pem").write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    (folder / "bad.pem").write_text("no key", "utf-8")

    assert runtime(folder, "{signingKey: card.pem}").settings.signing_key is not None
    assert runtime(folder, "{}").settings.signing_key is None
    for name in ("bad.pem", "gone.pem"):
        with pytest.raises(BadConfig, match=rf"^server\.signingKey: .*{name}: "):
            runtime(folder, f"{{signingKey: {name}}}")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("{}", None),
        ("{finished: 30d}", Retention(30 * 86400, every_s=600)),
        ("{finished: 90s}", Retention(90, every_s=90)),
    ],
)
def test_what_is_over_is_kept_for_ever_unless_told_otherwise(
    folder: Path, said: str, kept: Retention | None
) -> None:
    """docs/operations.md."""
    assert runtime(folder, "{}", retention=said).settings.retention == kept
