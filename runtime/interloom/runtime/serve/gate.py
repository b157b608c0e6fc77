"""What every binding asks before an operation: who calls, in which version, for what is promised.

Source: A2A 1.0.1 sections 3.2.6 (service parameters), 3.3.4 (capabilities, required extensions),
3.6 (versions), 4.6 (extensions), 7.4 (authentication) and 13.1 (whose tasks are to be seen).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from interloom.runtime.core import trace
from interloom.runtime.core.trace import Trace
from interloom.runtime.engine.caller import Caller
from interloom.runtime.errors import (
    ExtensionRequired,
    PermissionDenied,
    PushNotSupported,
    RequestError,
    UnsupportedOperation,
)
from interloom.runtime.model import SendMessageRequest, WireModel
from interloom.runtime.serve.auth import Authenticator, Credentials, Principal, owner
from interloom.runtime.wire import streams, versions
from interloom.runtime.wire.card import About, extensions
from interloom.runtime.wire.methods import METHODS, Capability, Method, find
from interloom.runtime.wire.streams import Numbering

_LACKS: Final[Mapping[Capability, type[RequestError]]] = {
    Capability.STREAMING: UnsupportedOperation,
    Capability.PUSH: PushNotSupported,
    Capability.EXTENDED_CARD: UnsupportedOperation,
}
"""The error that says what a card does not promise (3.3.4)."""
_STREAMS: Final = streams.URI.encode()


class Gate:
    """Lets requests in that an agent's card allows, from callers it allows.

    A binding asks in this order: `identify` before it reads on, `admit` once it knows the
    operation, `caller` once the request is decoded.

    Args:
        abouts: What the agents say of themselves.
        authenticator: Tells callers apart; None lets everybody in, as one and the same.
    """

    def __init__(self, abouts: Iterable[About], authenticator: Authenticator | None = None) -> None:
        self._authenticator = authenticator
        self._offered: dict[str, frozenset[bytes]] = {}
        self._closed: dict[tuple[str, str], type[RequestError]] = {}
        self._required: dict[str, frozenset[bytes]] = {}
        for about in abouts:
            for method in METHODS.values():
                if method.capability is not None and method.capability not in about.offered:
                    self._closed[about.name, method.name] = _LACKS[method.capability]
            self._offered[about.name] = frozenset(each.uri.encode() for each in extensions(about))
            required = {each.uri.encode() for each in about.extensions if each.required}
            if required:
                self._required[about.name] = frozenset(required)

    @property
    def is_open(self) -> bool:
        """Whether nobody has to prove anything; `identify` then need not be asked."""
        return self._authenticator is None

    async def identify(self, credentials: Credentials) -> Principal | None:
        """Who calls; None when nobody is told apart.

        Raises:
            Unauthenticated: The caller has to prove who it is, and does not.
        """
        if self._authenticator is None:
            return None
        return await self._authenticator.authenticate(credentials)

    def admit(self, agent: str, name: str, headers: Mapping[bytes, bytes]) -> Method:
        """The operation asked for, once nothing speaks against it.

        Args:
            agent: The agent addressed.
            name: Of the operation.
            headers: Service parameters under their names in small letters: HTTP headers, or gRPC
                metadata.

        Raises:
            VersionNotSupported: The request speaks another version.
            MethodNotFound: There is no such operation.
            UnsupportedOperation | PushNotSupported: The card does not promise it.
            ExtensionRequired: The card demands an extension that the request does not activate.
        """
        versions.check(headers.get(b"a2a-version", b""))
        method = find(name)
        if method.capability is not None:
            closed = self._closed.get((agent, name))
            if closed is not None:
                raise closed(f"{name} is not offered; the agent card says what is")
        required = self._required.get(agent)
        if required is not None and (missing := required - activated(headers)):
            raise ExtensionRequired(
                "the agent card requires an extension; activate it with A2A-Extensions",
                details={"required": ", ".join(sorted(uri.decode() for uri in missing))},
            )
        return method

    def caller(
        self,
        agent: str,
        principal: Principal | None,
        headers: Mapping[bytes, bytes],
        request: WireModel,
    ) -> Caller:
        """In whose name an operation is done.

        Args:
            agent: The agent addressed.
            principal: As `identify` said.
            headers: As for `admit`.
            request: The request; its tenant is part of whose the tasks are.

        Raises:
            PermissionDenied: The tenant is none of the principal's.
        """
        tenant: str = getattr(request, "tenant", "")  # every request message has one
        allowed = None if principal is None else principal.tenants
        if tenant and allowed is not None and tenant not in allowed:
            raise PermissionDenied("this tenant is not yours")
        trace, numbering = trace_of(headers, request), self._numbering(agent, headers, request)
        return Caller(owner(principal, tenant), agent, trace, numbering)

    def _numbering(
        self, agent: str, headers: Mapping[bytes, bytes], request: WireModel
    ) -> Numbering | None:
        """What is wanted of a stream beyond A2A; see `wire.streams`.

        Raises:
            BadParams: It is to go on after something that is no event.
        """
        shown = b"a2a-extensions" in headers and _STREAMS in activated(headers) & self._offered.get(
            agent, frozenset()
        )
        metadata = request.metadata if isinstance(request, SendMessageRequest) else None
        return streams.numbering(shown, headers.get(streams.HEADER, b""), metadata)

    def extensions(self, agent: str, headers: Mapping[bytes, bytes]) -> bytes:
        """What the answer says in `A2A-Extensions`: those of the request that the card offers."""
        if b"a2a-extensions" not in headers:
            return b""
        return b", ".join(sorted(activated(headers) & self._offered.get(agent, frozenset())))


def activated(headers: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """The URIs a request lists in `A2A-Extensions` (3.2.6)."""
    listed = headers.get(b"a2a-extensions", b"").split(b",")
    return frozenset(uri for each in listed if (uri := each.strip()))


def trace_of(headers: Mapping[bytes, bytes], request: WireModel) -> Trace | None:
    """The trace a request belongs to: by its headers, else by its message's metadata, else none."""
    if b"traceparent" in headers:
        names = ("traceparent", "tracestate", "baggage")
        found = trace.read(
            {name: headers.get(name.encode(), b"").decode("latin-1") for name in names}
        )
        if found is not None:
            return found
    if isinstance(request, SendMessageRequest):
        for metadata in (request.message.metadata, request.metadata):
            found = trace.read(metadata) if metadata else None
            if found is not None:
                return found
    return None
