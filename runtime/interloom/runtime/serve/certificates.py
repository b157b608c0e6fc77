"""Callers who are known by the certificate their connection was opened with.

Source: A2A 1.0.1 section 4.5.6 (mutual TLS); RFC 5280 4.2.1.6 (names in a
certificate).
"""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from interloom.runtime.errors import BadConfig, Unauthenticated
from interloom.runtime.model import (
    MutualTlsSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from interloom.runtime.serve.auth import Credentials, Principal
from interloom.runtime.wire.card import Security

_SECURITY: Final = Security(
    {"mtls": SecurityScheme(mtls_security_scheme=MutualTlsSecurityScheme())},
    (SecurityRequirement(schemes={"mtls": StringList()}),),
)


class ClientCertificates:
    """Takes the listener's word that a certificate is good, and the certificate's for who it is."""

    @property
    def security(self) -> Security:
        """The scheme `mtls`, and that it is needed."""
        return _SECURITY

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Whose certificate it is; see `Authenticator`."""
        if credentials.certificate is None:
            raise Unauthenticated("a client certificate is needed")
        try:
            return Principal(name_of(credentials.certificate))
        except (BadConfig, ValueError):
            raise Unauthenticated("the client certificate names nobody") from None


def name_of(certificate: str) -> str:
    """Who a certificate is for: its first URI, else its first DNS name, else its common name.

    Args:
        certificate: PEM.

    Raises:
        ValueError: It is no certificate, or names nobody.
    """
    read = x509.load_pem_x509_certificate(certificate.encode("ascii"))
    names: list[str] = []
    try:
        san = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names += san.get_values_for_type(x509.UniformResourceIdentifier)
        names += san.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass
    names += [str(each.value) for each in read.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if not names:
        raise ValueError("the certificate names nobody")
    return names[0]
