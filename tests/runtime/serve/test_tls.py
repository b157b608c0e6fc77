"""TLS on the HTTP port: who is let in, what the application learns, certificates that are replaced.

Source: A2A 1.0.1 sections 4.5.6, 7.1, 7.2, 13.4; RFC 6797 (HSTS); ASGI's TLS extension.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import anyio
import pytest
import trustme
import uvicorn
from anyio.streams.tls import TLSAttribute

from interloom.runtime.errors import BadConfig, Unauthenticated
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.serve.auth import Authenticator, Credentials, Principal
from interloom.runtime.serve.body import BodyLimits
from interloom.runtime.serve.certificates import ClientCertificates, name_of
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.serve.server import listen, server
from interloom.runtime.serve.tls import Tls, TlsFiles
from interloom.runtime.testing.agents import echo

BOUND_S: Final = 30.0
CARD: Final = "/.well-known/agent-card.json"
TASKS: Final = "/tasks?A2A-Version=1.0"


class Files:
    """A server's TLS files in a folder, and the authority behind them."""

    def __init__(self, folder: Path, *, asks_clients: bool = False) -> None:
        self.authority = trustme.CA()
        self.clients = trustme.CA()
        client_ca = folder / "clients.pem" if asks_clients else None
        self.files = TlsFiles(folder / "cert.pem", folder / "key.pem", client_ca)
        if client_ca is not None:
            self.clients.cert_pem.write_to_path(client_ca)
        self.issue()

    def issue(self) -> None:
        """Put a certificate there, in place of the one that was."""
        issued = self.authority.issue_cert("localhost")
        self.files.certificate.write_bytes(
            b"".join(each.bytes() for each in issued.cert_chain_pems)
        )
        self.files.key.write_bytes(issued.private_key_pem.bytes())

    def client(self, name: str = "") -> ssl.SSLContext:
        """What a client connects with, which has a certificate when it has a name."""
        context = ssl.create_default_context(cadata=self.authority.cert_pem.bytes().decode())
        if name:
            issued = self.clients.issue_cert(name, common_name=name)
            with issued.private_key_and_cert_chain_pem.tempfile() as path:
                context.load_cert_chain(path)
        return context


@asynccontextmanager
async def serving(files: Files, authenticator: Authenticator | None = None) -> AsyncGenerator[int]:
    """A server with TLS; its port."""
    listener = listen("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    settings = Settings(f"https://localhost:{port}", authenticator=authenticator, grace_s=0.1)
    app = Runtime([echo()], MemoryLedger, settings).app()
    http: uvicorn.Server = server(app, BodyLimits(), leave_s=1, tls=Tls(files.files))
    with anyio.fail_after(BOUND_S):
        async with anyio.create_task_group() as group:
            group.start_soon(http.serve, [listener])
            yield port
            http.should_exit = True


async def ask(port: int, context: ssl.SSLContext, path: str) -> tuple[str, bytes]:
    """Ask for a path on a connection of its own: the answer, and the server's certificate."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    stream = await anyio.connect_tcp(
        "127.0.0.1",
        port,
        ssl_context=context,
        tls_hostname="localhost",
        tls_standard_compatible=False,
    )
    async with stream:
        secured: ssl.SSLObject = stream.extra(TLSAttribute.ssl_object)  # noqa: S610 - anyio's, not Django's
        certificate = secured.getpeercert(binary_form=True)
        await stream.send(request.encode())
        said = b"".join([chunk async for chunk in stream])
    assert certificate is not None
    return said.decode(), certificate


async def test_card_is_served_over_tls_and_browsers_are_told_to_stay(tmp_path: Path) -> None:
    """A2A 7.1, 13.4: HSTS."""
    files = Files(tmp_path)
    async with serving(files) as port:
        said, _ = await ask(port, files.client(), CARD)

    assert said.startswith("HTTP/1.1 200 ")
    assert "\r\nstrict-transport-security: max-age=31536000\r\n" in said
    assert f'"url":"https://localhost:{port}/a2a/echo"' in said


async def test_old_tls_is_refused(tmp_path: Path) -> None:
    """A2A 13.4: 1.0 and 1.1 are off."""
    assert Tls(Files(tmp_path).files).context.minimum_version == ssl.TLSVersion.TLSv1_2


async def test_certificate_that_is_replaced_is_used_without_a_restart(tmp_path: Path) -> None:
    """Ours: certificates live for days, processes for months."""
    files = Files(tmp_path)
    async with serving(files) as port:
        _, first = await ask(port, files.client(), CARD)
        _, same = await ask(port, files.client(), CARD)
        files.issue()
        said, second = await ask(port, files.client(), CARD)

    assert first == same != second
    assert said.startswith("HTTP/1.1 200 ")


async def test_files_that_do_not_fit_are_not_used(tmp_path: Path) -> None:
    """Ours: between two writes, the certificate before is the good one."""
    files = Files(tmp_path)
    key = files.files.key.read_bytes()
    async with serving(files) as port:
        _, first = await ask(port, files.client(), CARD)
        files.issue()
        new_key = files.files.key.read_bytes()
        files.files.key.write_bytes(key)
        said, meanwhile = await ask(port, files.client(), CARD)
        files.files.key.unlink()
        _, without = await ask(port, files.client(), CARD)
        files.files.key.write_bytes(new_key)
        _, second = await ask(port, files.client(), CARD)

    assert said.startswith("HTTP/1.1 200 ")
    assert first == meanwhile == without != second


async def test_client_without_a_certificate_is_turned_away(tmp_path: Path) -> None:
    """A2A 4.5.6: in the handshake, before anything is asked."""
    files = Files(tmp_path, asks_clients=True)
    async with serving(files, ClientCertificates()) as port:
        refused = ""
        with suppress(ssl.SSLError, anyio.BrokenResourceError):  # TLS 1.3 tells when it is read
            refused, _ = await ask(port, files.client(), CARD)
        said, _ = await ask(port, files.client("ada.example"), TASKS)

    assert not refused
    assert said.startswith("HTTP/1.1 200 ")


class _Seen:
    """Lets everybody in, and remembers what they showed."""

    security = ClientCertificates().security

    def __init__(self) -> None:
        self.shown: list[str] = []

    async def authenticate(self, credentials: Credentials) -> Principal:
        self.shown.append(name_of(credentials.certificate or ""))
        return Principal("anybody")


async def test_application_learns_whose_certificate_it_was(tmp_path: Path) -> None:
    """ASGI's TLS extension; on both bindings alike."""
    files, seen = Files(tmp_path, asks_clients=True), _Seen()
    async with serving(files, seen) as port:
        await ask(port, files.client("ada.example"), TASKS)
        await ask(port, files.client("bob.example"), "/a2a/echo" + TASKS)

    assert seen.shown == ["ada.example", "bob.example"]


def test_name_of_a_caller_is_the_first_that_says_most() -> None:
    """RFC 5280 4.2.1.6: URI before DNS name before common name."""
    authority = trustme.CA()

    def named(*names: str, common_name: str | None = None) -> str:
        issued = authority.issue_cert(*names, common_name=common_name)
        return name_of(issued.cert_chain_pems[0].bytes().decode())

    assert named("ada.example", common_name="Ada") == "ada.example"
    assert named("ada@example.com", common_name="Ada") == "Ada"


@pytest.mark.parametrize("certificate", [None, "", "no certificate"])
async def test_caller_whose_certificate_says_nothing_is_not_let_in(certificate: str | None) -> None:
    """A2A 7.4."""
    with pytest.raises(Unauthenticated):
        await ClientCertificates().authenticate(Credentials({}, certificate))


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Ours."""
    files = Files(tmp_path).files
    files.key.unlink()

    with pytest.raises(BadConfig, match=r"^TLS: .*key\.pem: no such file$"):
        Tls(files)


def test_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    """Ours: at the start, and without showing it."""
    files = Files(tmp_path)
    key = files.files.key.read_bytes()
    files.issue()
    files.files.key.write_bytes(key)

    with pytest.raises(BadConfig, match=r"cannot be used") as refused:
        Tls(files.files)

    assert "PRIVATE" not in str(refused.value)
