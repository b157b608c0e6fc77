"""TLS of a listener: its certificate, whose clients it takes, files that are replaced meanwhile.

Source: A2A 1.0.1 sections 7.1 and 13.4 (TLS 1.2 at least, 1.3 where the client can); RFC 9325; the
TLS extension of ASGI for what the application is told.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from interloom.runtime.errors import BadConfig
from interloom.runtime.serve.body import Scope
from interloom.runtime.telemetry.log import logger

log = logger("serve")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the listener's secrets are, PEM.

    Attributes:
        certificate: Its certificate, and those that lead from it to an authority.
        key: The certificate's private key.
        client_authority: Authorities of clients; a client without a certificate of theirs is turned
            away in the handshake. None asks nobody.
    """

    certificate: Path
    key: Path
    client_authority: Path | None = None

    def __iter__(self) -> Iterator[Path]:
        yield from (self.certificate, self.key)
        if self.client_authority is not None:
            yield self.client_authority


class Tls:
    """What new connections are opened with; files that change are read again.

    They are looked at when somebody connects. While they are being replaced, or when they do not
    fit each other, the ones before stay in use.

    Raises:
        BadConfig: A file cannot be read, or is not what it should be.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._stamp = self._looked_at()
        self._current = self.context = self._made()
        self.context.sni_callback = self._choose

    def _looked_at(self) -> tuple[tuple[int, int, int], ...]:
        try:
            found = [each.stat() for each in self._files]
        except OSError:
            return ()
        return tuple((each.st_mtime_ns, each.st_ino, each.st_size) for each in found)

    def _made(self) -> ssl.SSLContext:
        files = self._files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(files.certificate, files.key, password=_no_password)
            if files.client_authority is not None:
                context.load_verify_locations(files.client_authority)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise BadConfig(f"TLS: {_problem(files, error)}") from None
        return context

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
        """Called in the handshake, with or without a server name."""
        stamp = self._looked_at()
        if stamp and stamp != self._stamp:
            self._stamp = stamp
            try:
                self._current = self._made()
                log.info("tls.renewed")
            except BadConfig as problem:
                log.warning("tls.kept", reason=str(problem))
        connection.context = self._current


def _no_password() -> str:
    raise ValueError("the private key is encrypted")


def _problem(files: TlsFiles, error: Exception) -> str:
    missing = [each for each in files if not each.is_file()]
    if missing:
        return f"{missing[0]}: no such file"
    said = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"{', '.join(map(str, files))}: cannot be used ({said})"


def described(connection: ssl.SSLObject) -> Scope:
    """What the application is told of a connection: ASGI's `tls` extension, the client's part."""
    presented = connection.getpeercert(binary_form=True)
    chain = [] if presented is None else [ssl.DER_cert_to_PEM_cert(presented)]
    return {"client_cert_chain": chain}


def client_certificate(scope: Scope) -> str | None:
    """The certificate the connection of a request was opened with, PEM."""
    chain: list[str] = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", [])
    return chain[0] if chain else None
