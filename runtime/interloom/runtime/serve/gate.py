"""What every binding asks before an operation: which version, which promises, in which trace.

Source: A2A 1.0.1 sections 3.2.6 (service parameters), 3.3.4 (capabilities), 3.6 (versions) and
4.6.4 (required extensions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from interloom.runtime.core import trace
from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import (
    ExtensionRequired,
    PushNotSupported,
    RequestError,
    UnsupportedOperation,
)
from interloom.runtime.model import SendMessageRequest, WireModel
from interloom.runtime.wire import versions
from interloom.runtime.wire.card import About
from interloom.runtime.wire.methods import METHODS, Capability, Method, find

_LACKS: Final[Mapping[Capability, type[RequestError]]] = {
    Capability.STREAMING: UnsupportedOperation,
    Capability.PUSH: PushNotSupported,
    Capability.EXTENDED_CARD: UnsupportedOperation,
}
"""The error that says what a card does not promise (3.3.4)."""


class Gate:
    """Lets requests in that an agent's card allows.

    Args:
        abouts: What the agents say of themselves.
    """

    def __init__(self, abouts: Iterable[About]) -> None:
        self._closed: dict[tuple[str, str], type[RequestError]] = {}
        self._required: dict[str, frozenset[bytes]] = {}
        for about in abouts:
            for method in METHODS.values():
                if method.capability is not None and method.capability not in about.capabilities:
                    self._closed[about.name, method.name] = _LACKS[method.capability]
            required = {each.uri.encode() for each in about.extensions if each.required}
            if required:
                self._required[about.name] = frozenset(required)

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
