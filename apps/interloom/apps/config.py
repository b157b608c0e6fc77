"""`interloom.yaml`: which agents are served, which MCP servers they use, where tasks are kept.

```yaml
agents:
  concierge: {use: "trip:concierge", tools: [flights]}
mcpServers:                         # the block every MCP client reads
  flights: {url: "https://flights.example/mcp"}
store: sqlite:///interloom.db
server: {host: 127.0.0.1, port: 8080}
```

A file is loaded whole or refused with all its problems, each at its line. No value of the file or
of the environment is ever part of a message; names and keys are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
)

from interloom.apps import config_rules as rules
from interloom.apps.config_block import Block, Seconds, WebUrl, Whole
from interloom.apps.config_server import (
    PushSettings,
    RetentionSettings,
    ServerSettings,
    TlsEntry,
    TokenEntry,
)
from interloom.apps.config_words import BrokenRule, explain, ordered
from interloom.apps.expand import expand
from interloom.apps.yaml_marks import Document, Problem, Unreadable, read
from interloom.runtime.errors import BadConfig
from interloom.runtime.wire.card import NAME

MAX_FILE_BYTES = 1024 * 1024
"""A larger file is no configuration (ours)."""

DEFAULT_STORE = "sqlite:///interloom.db"
"""Where tasks are kept unless the file says otherwise: beside the process, on disk."""

AgentName: TypeAlias = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
ServerName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]
FieldName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]
FieldValue: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]*$")]
VariableName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^=\x00]+$")]
ToolName: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Digest: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Folder: TypeAlias = Annotated[str, BeforeValidator(rules.absolute_folder)]


class Skill(Block):
    """A skill of an extended card, as A2A 4.4.5 has it."""

    id: Annotated[str, StringConstraints(min_length=1)]
    name: str
    description: str
    tags: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


class ExtendedCard(Block):
    """What only callers who have signed in are told of an agent (A2A 3.1.11).

    Attributes:
        description: In place of that of the agent's card.
        skills: Beside those of the agent's card.
    """

    description: str = ""
    skills: tuple[Skill, ...] = ()


class LocalAgent(Block):
    """An agent served by this process.

    Attributes:
        use: Where the agent function is: `module:attribute`.
        tools: Names of MCP servers it may use.
        peers: Names of agents it may call.
        description: Replaces the description of the agent's own card.
        extended: Replaces what the agent's own code says to callers who have signed in.
    """

    use: Annotated[str, BeforeValidator(rules.code_reference)]
    tools: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    description: str | None = None
    extended: ExtendedCard | None = None


class RemoteAgent(Block):
    """An agent somebody else serves, for ours to call.

    Attributes:
        card: Where its card is; may carry a key in its query, so it is kept out of `repr`.
        headers: Sent with every request to the card's origin, and to no other; values are secrets.
        retry: What to do with a message whose outcome is unknown: ask the caller unless the agent
            takes no message twice, never repeat it, or always.
        honours_key: True says that it takes no message id twice; agents of this runtime do not.
    """

    card: WebUrl = Field(repr=False)
    headers: Mapping[FieldName, FieldValue] = Field(default_factory=dict[str, str], repr=False)
    retry: Literal["ask", "never", "always"] = "ask"
    honours_key: bool = False


class ToolServerBlock(Block):
    """What every MCP server's entry may say, however it is reached.

    Attributes:
        timeout: Seconds of silence before a request is given up.
        retry: What to do with a tool call whose outcome is unknown: ask the caller unless something
            vouches for the tool, never repeat it, or always; one word, or words by tool.
        honours_key: Tools that do nothing twice under our idempotency key; true for all of them.
        trusted: True makes what the server says of its tools count: that they change nothing, or
            nothing more when they are called again.
        roots: Folders the server is told of when it asks; nothing is told unless they are named.
        sampling: Where the function is that writes messages the server asks a model for:
            `module:attribute`; None lets it ask for none.
        pins: SHA-256 of tools' definitions that were agreed to, by tool.
        on_tool_change: What to do when a definition is another one.
        cache: Where results are kept that the server lets us keep: in each process, or in the
            store, for all processes and the next start.
        disabled: True leaves the server out, as in other clients.
    """

    timeout: Seconds = 60.0
    retry: Annotated[
        Mapping[ToolName, Literal["ask", "never", "always"]], BeforeValidator(rules.word_by_tool)
    ] = Field(default_factory=dict[str, Literal["ask", "never", "always"]])
    honours_key: Annotated[tuple[str, ...], BeforeValidator(rules.all_or_some)] = ()
    trusted: bool = False
    roots: tuple[Folder, ...] = ()
    sampling: Annotated[str, BeforeValidator(rules.code_reference)] | None = None
    pins: Mapping[str, Digest] = Field(default_factory=dict[str, str])
    on_tool_change: Literal["warn", "ask", "refuse"] = "warn"
    cache: Literal["process", "shared"] = "process"
    disabled: bool = False
    description: str | None = None
    always_allow: tuple[str, ...] = ()
    auto_approve: tuple[str, ...] = ()


class HttpServer(ToolServerBlock):
    """An MCP server reached over Streamable HTTP.

    Attributes:
        url: The MCP endpoint; may carry a key in its query, so it is kept out of `repr`.
        headers: Sent with every request; values are secrets.
        type: Other clients' word for the transport; says nothing beyond `url`.
    """

    url: WebUrl = Field(repr=False)
    headers: Mapping[FieldName, FieldValue] = Field(default_factory=dict[str, str], repr=False)
    type: Literal["http", "streamable-http", "streamableHttp"] = "http"


class StdioServer(ToolServerBlock):
    """An MCP server started as a child process.

    Attributes:
        command: The program: a path, or a name looked for on PATH.
        args: Its arguments; a key may be among them, so they are kept out of `repr`.
        env: Variables it sees beside the few it inherits; values are secrets.
        cwd: Its working directory; None for that of the process.
        type: Other clients' word for the transport; says nothing beyond `command`.
    """

    command: Annotated[str, StringConstraints(min_length=1)]
    args: tuple[str, ...] = Field(default=(), repr=False)
    env: Mapping[VariableName, str] = Field(default_factory=dict[str, str], repr=False)
    cwd: str | None = None
    type: Literal["stdio"] = "stdio"


AgentEntry: TypeAlias = Annotated[
    Annotated[LocalAgent, Tag("use")] | Annotated[RemoteAgent, Tag("card")],
    Discriminator(rules.agent_kind),
]
ServerEntry: TypeAlias = Annotated[
    Annotated[HttpServer, Tag("url")] | Annotated[StdioServer, Tag("command")],
    Discriminator(rules.server_kind),
]


class Config(Block):
    """One `interloom.yaml`, checked.

    Attributes:
        agents: By name, which is also the last part of the agent's address.
        mcp_servers: By name, the disabled ones included.
        store: `memory:`, `sqlite:///PATH` or `postgresql://…`; may carry a password, so it is kept
            out of `repr`.
        lease: Seconds after which a process that says nothing is taken for dead, and its runs over.
        server: Where we listen.
        push: How the events of tasks are posted.
        retention: How long what is over is kept.
    """

    agents: Annotated[Mapping[AgentName, AgentEntry], Field(min_length=1)]
    mcp_servers: Mapping[ServerName, ServerEntry] = Field(default_factory=dict[str, ServerEntry])
    store: Annotated[str, BeforeValidator(rules.store_url)] = Field(
        default=DEFAULT_STORE, repr=False
    )
    lease: Annotated[Whole, Field(ge=3, le=3600)] = 30
    server: ServerSettings = ServerSettings()
    push: PushSettings = PushSettings()
    retention: RetentionSettings = RetentionSettings()

    def local_agents(self) -> Mapping[str, LocalAgent]:
        """The agents this process serves."""
        return {n: agent for n, agent in self.agents.items() if isinstance(agent, LocalAgent)}

    def tool_servers(self) -> Mapping[str, HttpServer | StdioServer]:
        """The MCP servers to be used: those not disabled."""
        return {name: server for name, server in self.mcp_servers.items() if not server.disabled}


BLOCKS: Mapping[tuple[str, ...], type[Block]] = {
    (): Config,
    ("server",): ServerSettings,
    ("server", "tokens"): TokenEntry,
    ("push",): PushSettings,
    ("retention",): RetentionSettings,
    ("server", "tls"): TlsEntry,
    ("agents", "use"): LocalAgent,
    ("agents", "use", "extended"): ExtendedCard,
    ("agents", "use", "extended", "skills"): Skill,
    ("agents", "card"): RemoteAgent,
    ("mcpServers", "url"): HttpServer,
    ("mcpServers", "command"): StdioServer,
}
"""The model behind each mapping of the file; a named entry stands under its kind."""


def load(path: Path, env: Mapping[str, str]) -> Config:
    """Read a configuration file.

    Args:
        path: The file, UTF-8, with or without a byte order mark.
        env: Where `${NAME}` is looked up.

    Raises:
        BadConfig: Unreadable, or wrong in any way; one line per problem, in the file's order:
            `file:line: key.path: what is wrong; did you mean 'x'?`.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        said = f"{name}: no such file; `interloom run FILE` reads another"
        raise BadConfig(said) from None
    except OSError as error:
        raise BadConfig(f"{name}: cannot be read ({type(error).__name__})") from None
    if len(raw) > MAX_FILE_BYTES:
        raise BadConfig(f"{name}:1: larger than {MAX_FILE_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadConfig(f"{name}:{line}: not UTF-8 text") from None
    return parse(text, name, env)


def parse(text: str, name: str, env: Mapping[str, str]) -> Config:
    """Check the text of a configuration; `name` is what messages call the file.

    Raises:
        BadConfig: As for `load`.
    """
    try:
        document = read(text)
    except Unreadable as stop:
        raise BadConfig(stop.problem.located(name)) from None
    expanded = expand(document, env)
    problems = list(expanded.document.problems)
    config: Config | None = None
    try:
        config = Config.model_validate(expanded.document.data)
    except ValidationError as error:
        problems += _broken_rules(error, expanded.document)
    problems += rules.across(expanded)
    if config is None or problems:
        raise BadConfig("\n".join(found.located(name) for found in ordered(problems)))
    return config


def overridden(
    config: Config,
    *,
    host: str | None = None,
    port: int | None = None,
    grpc_port: int | None = None,
    grace: float | None = None,
    store: str | None = None,
) -> Config:
    """The configuration with what the command line says instead; None leaves a value as it is.

    Raises:
        BadConfig: A value the file could not hold either; the message names the option.
    """
    server = config.server.model_dump(by_alias=True)
    given = {"host": host, "port": port, "grpcPort": grpc_port, "grace": grace}
    server.update({name: value for name, value in given.items() if value is not None})
    try:
        checked = ServerSettings.model_validate(server)
        kept = rules.store_url(config.store if store is None else store)
    except ValidationError as error:
        said = "; ".join(
            f"--{found.path[0]}: {found.rule}" for found in _broken_rules(error, Document({}, {}))
        )
        raise BadConfig(said) from None
    except ValueError as error:
        raise BadConfig(f"--store: {error}") from None
    knows_callers = checked.tokens or (checked.tls is not None and checked.tls.client_ca)
    is_guarded = knows_callers or checked.allow_unauthenticated
    if not (rules.is_loopback(checked.host) or is_guarded):
        raise BadConfig(f"--host: {rules.OPEN_DOOR}")
    return config.model_copy(update={"server": checked, "store": kept})


def _broken_rules(error: ValidationError, document: Document) -> list[Problem]:
    found = [
        BrokenRule(kind=e["type"], loc=e["loc"], context=e.get("ctx", {}))
        for e in error.errors(include_url=False, include_input=False)
    ]
    keys = {
        block: tuple(f.alias or name for name, f in model.model_fields.items())
        for block, model in BLOCKS.items()
    }
    return explain(found, keys, document)
