"""What `interloom.yaml` says of our own ports, of who may call, and of what leaves for others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field, StringConstraints

from interloom.apps import config_rules as rules
from interloom.apps.config_block import Block, Port, Seconds, WebUrl, Whole
from interloom.runtime.core.notification import MAX_CONFIGS
from interloom.runtime.core.outbox import MAX_ATTEMPTS
from interloom.runtime.engine.embedded import MAX_AT_WORK
from interloom.runtime.engine.outbox import TIMEOUT_S
from interloom.runtime.engine.port import GRACE_S
from interloom.runtime.ledger.blobs import MAX_BYTES
from interloom.runtime.serve.body import MAX_BODY_BYTES

CallerName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,128}$")]
TenantName: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f/]{1,128}$")]
PathName: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
Grace: TypeAlias = Annotated[float, BeforeValidator(rules.not_boolean), Field(ge=0, le=3600)]
Secret: TypeAlias = Annotated[str, BeforeValidator(rules.secret)]


class TokenEntry(Block):
    """A bearer token that was handed out to a caller.

    Attributes:
        secret: The token.
        previous: The one it replaces, good for as long as it stands here.
        tenants: The tenants the caller may act in.
    """

    secret: Secret = Field(repr=False)
    previous: Secret | None = Field(default=None, repr=False)
    tenants: tuple[TenantName, ...] = ()


class TlsEntry(Block):
    """TLS of the listeners; PEM files, relative to the configuration.

    Attributes:
        cert: The certificate, and those that lead from it to an authority.
        key: Its private key, not encrypted.
        client_ca: Authorities of clients; then every client needs a certificate.
    """

    cert: PathName
    key: PathName
    client_ca: PathName | None = None


class ServerSettings(Block):
    """Where we listen.

    Attributes:
        host: Address to bind; anything but loopback needs `tokens` or `allow_unauthenticated`.
        port: TCP port, 0 for any free one.
        url: Address under which others reach us, written into cards; None means host and port.
        grpc_port: TCP port of the gRPC binding, 0 for any free one; None leaves the binding out.
        grpc_address: `host:port` where others reach it, written into cards; None means the host of
            `url` and that port.
        max_body_bytes: Largest request body.
        max_runs: Tasks at work here before others' are left to other processes.
        grace: Seconds running agents get to end, or to wait for somebody, at SIGTERM.
        tls: TLS of every port; None for cleartext.
        signing_key: PEM file of a private key, relative to the configuration; signs every card,
            and is published.
        tokens: Who may call, by name; empty for everybody.
        allow_unauthenticated: True accepts that whoever reaches the address may use the agents.
    """

    host: Annotated[str, StringConstraints(min_length=1), BeforeValidator(rules.bare_host)] = (
        "127.0.0.1"
    )
    port: Port = 8080
    url: WebUrl | None = None
    grpc_port: Port | None = None
    grpc_address: Annotated[str, BeforeValidator(rules.host_and_port)] | None = None
    max_body_bytes: Annotated[Whole, Field(ge=1024, le=MAX_BYTES)] = MAX_BODY_BYTES
    max_runs: Annotated[Whole, Field(ge=1, le=1_000_000)] = MAX_AT_WORK
    grace: Grace = GRACE_S
    tls: TlsEntry | None = None
    signing_key: PathName | None = None
    tokens: Mapping[CallerName, Annotated[TokenEntry, BeforeValidator(rules.token_entry)]] = Field(
        default_factory=dict[str, TokenEntry]
    )
    allow_unauthenticated: bool = False


class RetentionSettings(Block):
    """How long things are kept.

    Attributes:
        finished: Seconds a task that is over is kept; None for ever.
    """

    finished: Annotated[int, BeforeValidator(rules.duration)] | None = None


class PushSettings(Block):
    """How the events of tasks are posted to those who ask for it.

    Attributes:
        enabled: False takes no push configs, and says so on the cards.
        allow: Host names, addresses and networks that may be posted to although they are not
            public, and without TLS.
        attempts: Posts of one event that may fail before its receiver is given up.
        timeout: Seconds a receiver gets to answer.
        max_configs: Places one task may be posted to.
        secret: `whsec_…`; signs every post, as Standard Webhooks says.
        signing_key: PEM file of a private key, relative to the configuration; signs every post
            with a JWT, and is published.
    """

    enabled: bool = True
    allow: tuple[Annotated[str, BeforeValidator(rules.allowed)], ...] = ()
    attempts: Annotated[Whole, Field(ge=1, le=100)] = MAX_ATTEMPTS
    timeout: Seconds = TIMEOUT_S
    max_configs: Annotated[Whole, Field(ge=1, le=100)] = MAX_CONFIGS
    secret: Annotated[str, BeforeValidator(rules.webhook_secret)] | None = Field(
        default=None, repr=False
    )
    signing_key: Annotated[str, StringConstraints(min_length=1)] | None = None
