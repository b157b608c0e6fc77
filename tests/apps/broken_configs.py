"""Broken interloom.yaml files and all that is said about each."""

from __future__ import annotations

from typing import NamedTuple

AGENT = "agents:\n  a: {use: 'trip:concierge'}\n"
"""The smallest file that loads; what is appended to it starts on line 3."""

SECRET = "hunter2-of-the-test"  # noqa: S105 - a value to look for

BAD_NAME = "this name has a character that is not allowed, or is too long"
BAD_REFERENCE = "a reference is written ${NAME} or ${NAME:-default}; $${ is a literal ${"
STORE = "must be 'sqlite:///PATH', 'postgresql://USER@HOST/DATABASE' or 'memory:'"
OPEN_DOOR = (
    "others could reach this address and nobody is asked who they are; set server.tokens,"
    " bind 127.0.0.1, or set server.allowUnauthenticated: true"
)


class Broken(NamedTuple):
    """A file and all that is said about it, in order, without the file's name."""

    name: str
    text: str
    said: tuple[str, ...]


BROKEN = [
    Broken("nothing", "", ("1: the file is empty",)),
    Broken("only a comment", "# later\n", ("1: the file is empty",)),
    Broken(
        "null",
        "---\nnull\n",
        ("2: the file must hold a mapping of keys to values, not a single value",),
    ),
    Broken("a list", "\n- a\n", ("2: the file must hold a mapping of keys to values, not a list",)),
    Broken(
        "text",
        "interloom",
        ("1: the file must hold a mapping of keys to values, not a single value",),
    ),
    Broken(
        "two documents",
        f"{AGENT}---\nstore: 'memory:'\n",
        ("3: not YAML: but found another document",),
    ),
    Broken(
        "a tab",
        "agents:\n\ta: {use: 't:c'}\n",
        (r"2: not YAML: found character '\t' that cannot start any token",),
    ),
    Broken(
        "an open bracket",
        "agents: {a: {use: 't:c'}\nstore: x\n",
        ("2: not YAML: expected ',' or '}', but got '<scalar>'",),
    ),
    Broken("no such anchor", f"{AGENT}store: *{SECRET}\n", ("3: not YAML: found undefined alias",)),
    Broken(
        "a control character",
        f"{AGENT}store: 'a\x07b'\n",
        ("3: a character that YAML does not allow",),
    ),
    Broken("no agents", "store: 'memory:'\n", ("1: agents: is required",)),
    Broken("empty agents", "store: 'memory:'\nagents: {}\n", ("2: agents: must not be empty",)),
    Broken(
        "agents as a list",
        "agents: [a]\n",
        ("1: agents: must be a mapping of keys to values",),
    ),
    Broken(
        "an agent as text",
        "agents:\n  a: trip:concierge\n",
        ("2: agents.a: must be a mapping of keys to values",),
    ),
    Broken(
        "an agent without a place",
        "agents:\n  a:\n    description: books trips\n",
        ("2: agents.a.use: is required",),
    ),
    Broken(
        "a misspelt key",
        "agents:\n  a:\n    usee: trip:concierge\n",
        ("3: agents.a.usee: unknown key; did you mean 'use'?",),
    ),
    Broken(
        "a key nobody knows",
        f"{AGENT}quux: 1\n",
        ("3: quux: unknown key",),
    ),
    Broken(
        "a key in the wrong case",
        f"{AGENT}mcp_servers: {{}}\n",
        ("3: mcp_servers: unknown key; did you mean 'mcpServers'?",),
    ),
    Broken(
        "bad code references",
        "agents:\n  a: {use: trip}\n  b: {use: 'trip.py:x'}\n"
        "  c: {use: 'trip:1x'}\n  d: {use: ''}\n",
        (
            "2: agents.a.use: must be 'module:attribute', like 'trip:concierge'",
            "4: agents.c.use: must be 'module:attribute', like 'trip:concierge'",
            "5: agents.d.use: must be 'module:attribute', like 'trip:concierge'",
        ),
    ),
    Broken(
        "an agent here and elsewhere",
        f"{AGENT}  b: {{use: 'x:y', card: 'https://h/c'}}\n",
        (
            "3: agents.b.card: unknown key",
            "3: agents.b: has 'use' (a local agent) and 'card' (a remote one); keep one of them",
        ),
    ),
    Broken(
        "an agent elsewhere",
        f"{AGENT}  h:\n    card: h.example/card.json\n    retry: maybe\n    honoursKey: some\n",
        (
            "4: agents.h.card: must be an absolute http:// or https:// URL",
            "5: agents.h.retry: must be 'ask', 'never' or 'always'",
            "6: agents.h.honoursKey: must be true or false",
        ),
    ),
    Broken(
        "a name that is no address",
        "agents:\n  two words: {use: 'x:y'}\n",
        (f"2: agents['two words']: {BAD_NAME}",),
    ),
    Broken(
        "a duplicate key",
        f"{AGENT}store: 'memory:'\nserver: {{}}\nstore: 'sqlite:///x.db'\n",
        ("5: store: duplicate key, first used on line 3",),
    ),
    Broken(
        "a duplicate agent",
        f"{AGENT}  b: {{use: 'x:y'}}\n  a: {{use: 'x:z'}}\n",
        ("4: agents.a: duplicate key, first used on line 2",),
    ),
    Broken(
        "a tool nobody serves",
        "mcpServers:\n  flights: {url: 'https://f.example/mcp'}\nagents:\n  a:\n    use: x:y\n"
        "    tools:\n      - flights\n      - flihgts\n      - quux\n      - flights\n",
        (
            "8: agents.a.tools[1]: no MCP server is called 'flihgts'; did you mean 'flights'?",
            "9: agents.a.tools[2]: no MCP server is called 'quux'",
            "10: agents.a.tools[3]: 'flights' is named twice",
        ),
    ),
    Broken(
        "peers",
        f"{AGENT}  b:\n    use: x:y\n    peers: [a, hotl, a]\n  hotel: {{card: 'https://h.example'}}\n",
        (
            "5: agents.b.peers[1]: no agent is called 'hotl'; did you mean 'hotel'?",
            "5: agents.b.peers[2]: 'a' is named twice",
        ),
    ),
    Broken(
        "tools as text",
        "agents:\n  a: {use: 'x:y', tools: flights}\n",
        ("2: agents.a.tools: must be a list",),
    ),
    Broken(
        "a number for a name",
        "agents:\n  a: {use: 'x:y', tools: [7], peers: [null]}\n",
        (
            "2: agents.a.tools[0]: must be text; put it in quotes",
            "2: agents.a.peers[0]: must be text; put it in quotes",
        ),
    ),
    Broken(
        "yes is a boolean in YAML",
        "agents:\n  a: {use: 'x:y', description: yes}\n",
        ("2: agents.a.description: must be text; put it in quotes",),
    ),
    Broken(
        "addresses that are none",
        f"{AGENT}mcpServers:\n  b: {{url: hotel.example}}\n  c: {{url: 'ftp://h/c'}}\n"
        f"  d: {{url: 'https://me:pw@h/c'}}\n  e: {{url: 'https://h/c#x'}}\n  f: {{url: 'https://[h/c'}}\n"
        f"  g: {{url: 'https://h:port/c'}}\n  h: {{url: 'https://h/a b'}}\n  i: {{url: 7}}\n",
        (
            "4: mcpServers.b.url: must be an absolute http:// or https:// URL",
            "5: mcpServers.c.url: must be an absolute http:// or https:// URL",
            "6: mcpServers.d.url: must not carry a user or password; use a header",
            "7: mcpServers.e.url: must not carry a fragment (#)",
            "8: mcpServers.f.url: is not a URL",
            "9: mcpServers.g.url: is not a URL",
            "10: mcpServers.h.url: must be an absolute http:// or https:// URL",
            "11: mcpServers.i.url: must be text; put it in quotes",
        ),
    ),
    Broken(
        "a server without a place",
        f"{AGENT}mcpServers:\n  f: {{}}\n  g: {{uri: 'https://g.example'}}\n",
        (
            "4: mcpServers.f.url: is required",
            "5: mcpServers.g.uri: unknown key; did you mean 'url'?",
        ),
    ),
    Broken(
        "stdio values",
        f"{AGENT}mcpServers:\n  f: {{command: ''}}\n"
        "  g: {command: npx, env: {'A=B': c}}\n  h: {command: npx, args: -y}\n",
        (
            "4: mcpServers.f.command: must not be empty",
            f"5: mcpServers.g.env['A=B']: {BAD_NAME}",
            "6: mcpServers.h.args: must be a list",
        ),
    ),
    Broken(
        "stdio and HTTP",
        f"{AGENT}mcpServers:\n  f: {{command: npx, url: 'https://f.example'}}\n",
        (
            "4: mcpServers.f.command: unknown key",
            "4: mcpServers.f: has 'url' (HTTP) and 'command' (stdio); keep one of them",
        ),
    ),
    Broken(
        "an older transport",
        f"{AGENT}mcpServers:\n  f: {{url: 'https://f.example', type: sse}}\n",
        ("4: mcpServers.f.type: must be 'http', 'streamable-http' or 'streamableHttp'",),
    ),
    Broken(
        "server values out of range",
        f"{AGENT}mcpServers:\n  f:\n    url: https://f.example\n    timeout: 0\n"
        "    retry: sometimes\n"
        "  g: {url: 'https://g.example', timeout: 600000}\n"
        "  h: {url: 'https://h.example', timeout: soon}\n"
        "  i: {url: 'https://i.example', timeout: .inf}\n"
        "  j: {url: 'https://j.example', timeout: true}\n",
        (
            "6: mcpServers.f.timeout: must be more than 0",
            "7: mcpServers.f.retry: must be 'ask', 'never' or 'always'",
            "8: mcpServers.g.timeout: must be at most 3600",
            "9: mcpServers.h.timeout: must be a number",
            "10: mcpServers.i.timeout: not a number this file can hold; put text in quotes",
            "11: mcpServers.j.timeout: must be a number",
        ),
    ),
    Broken(
        "headers that cannot be sent",
        f"{AGENT}mcpServers:\n  f:\n    url: https://f.example\n    headers:\n      X Y: a\n"
        f'      X-Z: "{SECRET}\\r\\nX: y"\n      X-N: 5\n',
        (
            f"7: mcpServers.f.headers['X Y']: {BAD_NAME}",
            "8: mcpServers.f.headers.X-Z: has a character that is not allowed here",
            "9: mcpServers.f.headers.X-N: must be text; put it in quotes",
        ),
    ),
    Broken(
        "a disabled server in use",
        "mcpServers:\n  f: {url: 'https://f.example', disabled: true}\n"
        "agents:\n  a: {use: 'x:y', tools: [f]}\n",
        ("4: agents.a.tools[0]: the MCP server 'f' is disabled",),
    ),
    Broken(
        "a store of another kind",
        f"{AGENT}store: mysql://me:{SECRET}@h/db\n",
        (f"3: store: {STORE}",),
    ),
    Broken(
        "SQLite's own memory name",
        f"{AGENT}store: 'sqlite:///:memory:'\n",
        (f"3: store: {STORE}",),
    ),
    Broken(
        "an open door",
        f"{AGENT}server:\n  port: 80\n  host: 0.0.0.0\n",
        (f"5: server.host: {OPEN_DOOR}",),
    ),
    Broken(
        "server settings of the wrong kind",
        f"{AGENT}server:\n  host: ''\n  port: 70000\n  maxBodyBytes: 10 MB\n  url: example.com\n"
        "  allowUnauthenticated: perhaps\n",
        (
            "4: server.host: must not be empty",
            "5: server.port: must be at most 65535",
            "6: server.maxBodyBytes: must be a whole number",
            "7: server.url: must be an absolute http:// or https:// URL",
            "8: server.allowUnauthenticated: must be true or false",
        ),
    ),
    Broken(
        "a gRPC address that is none",
        f"{AGENT}server:\n  grpcPort: 65536\n  grpcAddress: https://agents.example\n",
        (
            "4: server.grpcPort: must be at most 65535",
            "5: server.grpcAddress: must be host:port",
        ),
    ),
    Broken(
        "an extended card for everybody, with a mistake",
        "agents:\n  a:\n    use: 'trip:concierge'\n    extended:\n      skils: []\n"
        "      skills: [{id: '', name: W, description: W, tag: [x]}]\n",
        (
            "4: agents.a.extended: is for callers who have signed in; set server.tokens",
            "5: agents.a.extended.skils: unknown key; did you mean 'skills'?",
            "6: agents.a.extended.skills[0].id: must not be empty",
            "6: agents.a.extended.skills[0].tag: unknown key; did you mean 'tags'?",
        ),
    ),
    Broken(
        "tokens nobody could show",
        f"{AGENT}server:\n  tokens:\n    ada: short\n    bob: {{secrets: {SECRET}}}\n"
        f"    cid: {{secret: 'two {SECRET}', tenants: [a/b]}}\n    dan: 7\n    eve: {{}}\n",
        (
            "5: server.tokens.ada.secret: must be 16 or more letters, digits and . _ ~ + / -",
            "6: server.tokens.bob.secrets: unknown key; did you mean 'secret'?",
            "7: server.tokens.cid.secret: must be 16 or more letters, digits and . _ ~ + / -",
            "7: server.tokens.cid.tenants[0]: has a character that is not allowed here",
            "8: server.tokens.dan: must be a mapping of keys to values",
            "9: server.tokens.eve.secret: is required",
        ),
    ),
    Broken(
        "one token of two callers",
        f"{AGENT}server:\n  tokens:\n    ada: {SECRET}\n    bob: {{secret: {SECRET}-2,"
        f" previous: {SECRET}}}\n    cid: {SECRET}-2\n",
        (
            "6: server.tokens.bob.previous: stands here twice",
            "7: server.tokens.cid: stands here twice",
        ),
    ),
    Broken(
        "a boolean for a port",
        f"{AGENT}server: {{port: true, maxBodyBytes: 1024.5}}\n",
        ("3: server.port: must be a number", "3: server.maxBodyBytes: must be a whole number"),
    ),
    Broken(
        "variables that are not set",
        f"{AGENT}mcpServers:\n  f:\n    url: https://${{HOST}}/mcp\n    headers:\n"
        "      Authorization: Bearer ${NOT_SET}\n",
        (
            "5: mcpServers.f.url: environment variable HOST is not set",
            "7: mcpServers.f.headers.Authorization: environment variable NOT_SET is not set",
        ),
    ),
    Broken(
        "references that are none",
        f"{AGENT}store: 'sqlite:///${{OPEN'\nserver: {{url: '${{input:x}}', host: '${{}}'}}\n",
        (
            f"3: store: {BAD_REFERENCE}",
            f"4: server.url: {BAD_REFERENCE}",
            f"4: server.host: {BAD_REFERENCE}",
        ),
    ),
    Broken(
        "a secret where a name belongs",
        "agents:\n  a: {use: 'x:y', tools: ['${TOKEN}'], peers: ['${TOKEN}']}\n",
        (
            "2: agents.a.tools[0]: no MCP server is called '${TOKEN}'",
            "2: agents.a.peers[0]: no agent is called '${TOKEN}'",
        ),
    ),
    Broken(
        "keys that are not text",
        f"{AGENT}7: x\n[a]: y\n",
        ("3: a key must be text; put it in quotes", "4: a key must be text; put it in quotes"),
    ),
    Broken(
        "a merge key",
        "agents:\n  a: &a {use: 'x:y'}\n  b:\n    <<: *a\n    use: x:z\n",
        ("4: agents.b: merge keys (<<) are not supported; write the entries out",),
    ),
    Broken(
        "tags",
        f"{AGENT}store: !!python/object:os.system x\nserver: !thing {{port: 1}}\n",
        ("3: store: YAML tags are not supported", "4: server: YAML tags are not supported"),
    ),
    Broken(
        "numbers beyond all reason",
        f"{AGENT}server:\n  port: {'9' * 5000}\n  maxBodyBytes: !!int many\n",
        (
            "4: server.port: not a number this file can hold; put text in quotes",
            "5: server.maxBodyBytes: not a number this file can hold; put text in quotes",
        ),
    ),
    Broken(
        "a value that contains itself",
        f"{AGENT}server: &s\n  url: *s\n",
        ("4: server.url: an alias to a value that contains it",),
    ),
    Broken(
        "nesting without end",
        "agents: " + "[" * 5000,
        ("1: nested more than 32 levels deep",),
    ),
    Broken(
        "an alias bomb",
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{n}: &{n} [{', '.join([f'*{p}'] * 10)}]\n"
            for p, n in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        ("1: aliases unfold to more than 20000 values",),
    ),
    Broken(
        "a very long key",
        f"{AGENT}{'k' * 100}: 1\n",
        (f"3: {'k' * 100}: unknown key",),
    ),
]
