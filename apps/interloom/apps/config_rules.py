"""What `interloom.yaml` may say beyond its shape: single values, and names that point at names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from interloom.apps.config_words import suggestion
from interloom.apps.expand import Expanded
from interloom.apps.yaml_marks import Path, Problem, quoted
from interloom.bridges.handoff import EVERY_TOOL, Repeat
from interloom.runtime.core.egress import Egress
from interloom.runtime.errors import BadConfig
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.webhooks import HmacSigner

_CODE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
OPEN_DOOR = (
    "others could reach this address and nobody is asked who they are;"
    " set server.tokens, bind 127.0.0.1, or set server.allowUnauthenticated: true"
)
"""What is said of a host that is not loopback."""
_YES = (True, "true")
_KINDS = {"tools": "MCP server", "peers": "agent"}
MAX_PORT = 65535
_DURATION = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RETRY = frozenset(word.value for word in Repeat)
_SECRET = re.compile(r"[A-Za-z0-9._~+/-]{16,}=*")
_STORE = re.compile(
    r"memory:|sqlite:///(?!:memory:)[^\x00-\x1f?#]+|postgres(ql)?://[^\s\x00-\x1f\x7f#]+"
)


def agent_kind(entry: object) -> str:
    """`card` for a remote agent, `use` for anything else."""
    is_remote = isinstance(entry, Mapping) and "card" in entry and "use" not in entry
    return "card" if is_remote else "use"


def server_kind(entry: object) -> str:
    """`command` for a server started as a child process, `url` for anything else."""
    is_stdio = isinstance(entry, Mapping) and "command" in entry and "url" not in entry
    return "command" if is_stdio else "url"


def code_reference(value: object) -> object:
    """Text of the form `module:attribute`; nothing is imported."""
    if isinstance(value, str) and not _CODE.fullmatch(value):
        raise ValueError("must be 'module:attribute', like 'trip:concierge'")
    return value


def absolute_folder(value: object) -> object:
    """A path from the root, without steps upwards: what it says is where it is."""
    if isinstance(value, str) and (not value.startswith("/") or ".." in value.split("/")):
        raise ValueError("must be an absolute path without '..'")
    return value


def web_url(value: object) -> object:
    """An absolute http or https address without user, password or fragment."""
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("must be an absolute http:// or https:// URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not carry a user or password; use a header")
    if "#" in value:
        raise ValueError("must not carry a fragment (#)")
    return value


def host_and_port(value: object) -> object:
    """`host:port`, as a2a.proto writes the address of a gRPC interface."""
    if not isinstance(value, str):
        return value
    host, _, port = value.rpartition(":")
    number = int(port) if re.fullmatch(r"[0-9]{1,5}", port) else 0
    if not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", host) or not 0 < number <= MAX_PORT:
        raise ValueError("must be host:port")
    return value


def word_by_tool(value: object) -> object:
    """Words of `retry` by tool; one word stands for every tool that is not named."""
    if isinstance(value, str):
        if value not in _RETRY:
            raise ValueError("must be 'ask', 'never' or 'always'")
        return {EVERY_TOOL: value}
    return value


def all_or_some(value: object) -> object:
    """Names of tools; true stands for every tool, false for none."""
    if isinstance(value, bool):
        return (EVERY_TOOL,) if value else ()
    return value


def token_entry(value: object) -> object:
    """A caller's token: the secret alone stands for an entry that says nothing more."""
    return {"secret": value} if isinstance(value, str) else value


def secret(value: object) -> object:
    """A token as a header can carry it (RFC 6750 2.1), of a length nobody guesses."""
    if isinstance(value, str) and not _SECRET.fullmatch(value):
        raise ValueError("must be 16 or more letters, digits and . _ ~ + / -")
    return value


def allowed(value: object) -> object:
    """A host name, an address or a network."""
    if isinstance(value, str):
        try:
            Egress.of([value])
        except BadConfig:
            raise ValueError("is no host name, address or network like 10.1.0.0/16") from None
    return value


def webhook_secret(value: object) -> object:
    """A secret of Standard Webhooks."""
    if isinstance(value, str):
        try:
            HmacSigner.of(value)
        except BadConfig as problem:
            raise ValueError(str(problem)) from None
    return value


def duration(value: object) -> int:
    """A length of time like `30d`, as seconds."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("must be a length of time like 90s, 45m, 12h or 30d")
    return int(found[1]) * _UNITS_S[found[2]]


def store_url(value: object) -> object:
    """`memory:`, `sqlite:///PATH` or a URL of PostgreSQL, whose parts only its driver reads."""
    if isinstance(value, str) and not _STORE.fullmatch(value):
        raise ValueError("must be 'sqlite:///PATH', 'postgresql://USER@HOST/DATABASE' or 'memory:'")
    return value


def not_boolean(value: object) -> object:
    """Anything but true and false, which Python would count as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic's contract
    return value


def bare_host(value: object) -> object:
    """A host to bind; an IPv6 address loses the brackets it wears in a URL."""
    return value.strip("[]") if isinstance(value, str) else value


def is_loopback(host: str) -> bool:
    """True when only this machine can reach a socket bound to `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def across(expanded: Expanded) -> Iterator[Problem]:
    """Rules between one part of the file and another; parts of the wrong type are passed over."""
    data = expanded.document.data
    agents, servers = _mapping(data.get("agents")), _mapping(data.get("mcpServers"))
    for path, rule in _broken(agents, servers, _mapping(data.get("server")), expanded):
        yield Problem(expanded.document.line(path), path, rule)


def _broken(
    agents: JsonObject, servers: JsonObject, listen: JsonObject, expanded: Expanded
) -> Iterator[tuple[Path, str]]:
    for name, entry in agents.items():
        agent = _mapping(entry)
        at: Path = ("agents", name)
        if "use" in agent and "card" in agent:
            yield at, "has 'use' (a local agent) and 'card' (a remote one); keep one of them"
        yield from _names((*at, "tools"), _texts(agent.get("tools")), servers, expanded)
        yield from _names((*at, "peers"), _texts(agent.get("peers")), agents, expanded)
        if agent.get("extended") and not _knows_callers(listen):
            yield (*at, "extended"), "is for callers who have signed in; set server.tokens"
    for name, entry in servers.items():
        yield from _transport(("mcpServers", name), _mapping(entry))
    yield from _tokens(_mapping(listen.get("tokens")))
    host, accepted = listen.get("host"), listen.get("allowUnauthenticated") in _YES
    guarded = accepted or _knows_callers(listen)
    if isinstance(host, str) and host and not is_loopback(host) and not guarded:
        yield ("server", "host"), OPEN_DOOR


def _names(
    path: Path, names: Sequence[str | None], known: JsonObject, expanded: Expanded
) -> Iterator[tuple[Path, str]]:
    for index, name in enumerate(names):
        at = (*path, index)
        if name is None:
            continue
        if name in names[:index]:
            yield at, f"{_shown(at, name, expanded)} is named twice"
        elif name not in known:
            shown, kind = _shown(at, name, expanded), _KINDS[str(path[-1])]
            yield at, f"no {kind} is called {shown}{suggestion(name, known)}"
        elif _mapping(known[name]).get("disabled") in _YES:
            yield at, f"the MCP server {_shown(at, name, expanded)} is disabled"


def _knows_callers(listen: JsonObject) -> bool:
    """Whether callers have to prove who they are."""
    return bool(_mapping(listen.get("tokens")) or _mapping(listen.get("tls")).get("clientCa"))


def _tokens(tokens: JsonObject) -> Iterator[tuple[Path, str]]:
    """Whoever shows a token is one caller: no two callers share one."""
    seen: set[Json] = set()
    for name, entry in tokens.items():
        shown = {"secret": entry} if isinstance(entry, str) else _mapping(entry)
        for key in ("secret", "previous"):
            found = shown.get(key)
            if isinstance(found, str) and found in seen:
                at: Path = ("server", "tokens", name)
                yield at if isinstance(entry, str) else (*at, key), "stands here twice"
            elif isinstance(found, str):
                seen.add(found)


def _transport(at: Path, server: JsonObject) -> Iterator[tuple[Path, str]]:
    if "url" in server and "command" in server:
        yield at, "has 'url' (HTTP) and 'command' (stdio); keep one of them"


def _shown(path: Path, name: str, expanded: Expanded) -> str:
    """A name as the file writes it: what came out of the environment is not repeated."""
    return quoted(expanded.written.get(path, name))


def _mapping(value: Json) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Json) -> list[str | None]:
    """The items of a list, None for those that are not text."""
    if not isinstance(value, list):
        return []
    return [item if isinstance(item, str) else None for item in value]
