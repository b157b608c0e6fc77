"""How callers prove themselves to an agent.

Source: A2A 4.5, after the security schemes of OpenAPI 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, TypeAlias

from interloom.runtime.model.fields import EMPTY, AbsentMeans, Flag, Many, Name, Table, Text
from interloom.runtime.model.wiremodel import OneOf, WireModel

Scopes: TypeAlias = Annotated[Table[Text], AbsentMeans(dict)]
"""A REQUIRED map from a scope's name to a line about it; may be empty."""


class StringList(WireModel):
    """A list of strings, where protobuf needs a message around it."""

    list: Many[Text] = ()


class SecurityRequirement(WireModel):
    """All of these schemes together, each with the scopes it needs."""

    schemes: Table[StringList] = EMPTY


class APIKeySecurityScheme(WireModel):
    """A key in a query parameter, header or cookie."""

    description: Text = ""
    location: Name
    name: Name


class HTTPAuthSecurityScheme(WireModel):
    """An HTTP authentication scheme."""

    description: Text = ""
    scheme: Name
    bearer_format: Text = ""


class AuthorizationCodeOAuthFlow(WireModel):
    """A person signs in with a browser (RFC 6749 4.1)."""

    authorization_url: Name
    token_url: Name
    refresh_url: Text = ""
    scopes: Scopes
    pkce_required: Flag = False


class ClientCredentialsOAuthFlow(WireModel):
    """A program signs in as itself (RFC 6749 4.4)."""

    token_url: Name
    refresh_url: Text = ""
    scopes: Scopes


class ImplicitOAuthFlow(WireModel):
    """Deprecated by the specification; read from old cards, never chosen."""

    authorization_url: Text = ""
    refresh_url: Text = ""
    scopes: Table[Text] = EMPTY


class PasswordOAuthFlow(WireModel):
    """Deprecated by the specification; read from old cards, never chosen."""

    token_url: Text = ""
    refresh_url: Text = ""
    scopes: Table[Text] = EMPTY


class DeviceCodeOAuthFlow(WireModel):
    """A person signs in on another device (RFC 8628)."""

    device_authorization_url: Name
    token_url: Name
    refresh_url: Text = ""
    scopes: Scopes


class OAuthFlows(OneOf):
    """The one flow a scheme offers."""

    ONEOF: ClassVar[Mapping[str, object]] = dict.fromkeys(
        (
            "authorization_code",
            "client_credentials",
            "implicit",
            "password",
            "device_code",
        )
    )
    NEEDED: ClassVar = False

    authorization_code: AuthorizationCodeOAuthFlow | None = None
    client_credentials: ClientCredentialsOAuthFlow | None = None
    implicit: ImplicitOAuthFlow | None = None
    password: PasswordOAuthFlow | None = None
    device_code: DeviceCodeOAuthFlow | None = None


class OAuth2SecurityScheme(WireModel):
    """OAuth 2.0."""

    description: Text = ""
    flows: OAuthFlows
    oauth2_metadata_url: Text = ""


class OpenIdConnectSecurityScheme(WireModel):
    """OpenID Connect, found through its discovery document."""

    description: Text = ""
    open_id_connect_url: Name


class MutualTlsSecurityScheme(WireModel):
    """A client certificate."""

    description: Text = ""


class SecurityScheme(OneOf):
    """One way to prove oneself."""

    ONEOF: ClassVar[Mapping[str, object]] = dict.fromkeys(
        (
            "api_key_security_scheme",
            "http_auth_security_scheme",
            "oauth2_security_scheme",
            "open_id_connect_security_scheme",
            "mtls_security_scheme",
        )
    )
    NEEDED: ClassVar = False

    api_key_security_scheme: APIKeySecurityScheme | None = None
    http_auth_security_scheme: HTTPAuthSecurityScheme | None = None
    oauth2_security_scheme: OAuth2SecurityScheme | None = None
    open_id_connect_security_scheme: OpenIdConnectSecurityScheme | None = None
    mtls_security_scheme: MutualTlsSecurityScheme | None = None
