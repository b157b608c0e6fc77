"""A client of agents that still speak A2A 0.3, over JSON-RPC: send, stream, get, cancel.

Source: the specification of A2A in its version 0.3.0, sections 5.5 (card), 6 (objects), 7 (methods)
and 8.2 (errors). What is sent and what comes is 1.0 to the caller; here it changes its spelling.
Nothing else imports this module, so it can go when the last such agent has gone.

    async with v03_client("https://old.example", port) as client: ...
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import orjson

from interloom.runtime.client import replies
from interloom.runtime.client.addresses import card_address, host, is_web_address, origin, shown
from interloom.runtime.client.client import A2AClient
from interloom.runtime.client.exchange import Request, fetch, follow
from interloom.runtime.client.options import ClientOptions
from interloom.runtime.client.port import CallContext, Open, StreamEvent
from interloom.runtime.errors import LocalError, PeerError, UnsupportedOperation
from interloom.runtime.model import AgentCard, AgentInterface, TaskState, WireModel
from interloom.runtime.net.port import HttpPort
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.jsonrpc import VERSION
from interloom.runtime.wire.methods import Method
from interloom.runtime.wire.versions import SERVED

SPOKEN: Final = "0.3"
BINDING: Final = "urn:interloom:binding:a2a-0.3"
"""What the one interface of a translated card is spoken over; never on a card of anybody's."""

METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "SendMessage": "message/send",
        "SendStreamingMessage": "message/stream",
        "GetTask": "tasks/get",
        "CancelTask": "tasks/cancel",
        "SubscribeToTask": "tasks/resubscribe",
    }
)
"""The operations that are spoken, by their names today."""

_JSON: Final = "application/json"
_OLD_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {state.name.lower().replace("_", "-"): state.value for state in TaskState}
    | {"unknown": TaskState.UNSPECIFIED.value}
)
_ROLES: Final = MappingProxyType({"ROLE_USER": "user", "ROLE_AGENT": "agent"})
_OLD_ROLES: Final = MappingProxyType({old: new for new, old in _ROLES.items()})


@asynccontextmanager
async def v03_client(
    url: str, port: HttpPort, options: ClientOptions | None = None
) -> AsyncGenerator[A2AClient]:
    """A client of the agent at `url`, whose card is of A2A 0.3.

    Args:
        url: The agent's, or its card's if it ends in .json.
        port: Sends the requests; stays the caller's to close.
        options: As for `A2AClient`; which bindings to use is settled here, and signatures of such
            cards cover another form of them, so they are not verified.

    Raises:
        InterloomError: As for `resolve`; `PeerError` also for a card that offers no JSON-RPC.
    """
    told = options or ClientOptions()
    address = card_address(url)
    peer = host(address)
    credentials = await told.credentials(origin(address))
    context = CallContext(limits=told.card_limits, headers=credentials, version=SPOKEN)
    body = await fetch(peer, port, Request("agent card", "GET", address, _JSON, None), context)
    card = replies.decoded(peer, AgentCard, new_card(peer, replies.parsed_card(peer, body)))
    opens: dict[str, Open] = {BINDING: lambda interface: V03Transport(interface, port)}
    client = A2AClient(card, port, options=replace(told, bindings=()), opens=opens)
    try:
        yield client
    finally:
        await client.aclose()


class V03Transport:
    """Speaks JSON-RPC of A2A 0.3 to one interface; see `client.port.Transport`.

    Args:
        interface: Where to.
        port: Sends the requests; stays the caller's to close.
    """

    def __init__(self, interface: AgentInterface, port: HttpPort) -> None:
        self._url, self._port, self._peer = interface.url, port, host(interface.url)
        self._last_id = 0

    async def call(self, method: Method, request: WireModel, context: CallContext) -> JsonObject:
        """Send a request and wait for its answer; see `Transport.call`.

        Raises:
            UnsupportedOperation: It is none of those spoken here.
        """
        sent, request_id = self._request(method, request)
        body = await fetch(self._peer, self._port, sent, _old(context))
        found = new_response(replies.result(self._peer, body, request_id))
        return found if method.name == "SendMessage" else _object(found.get("task"))

    async def stream(
        self, method: Method, request: WireModel, context: CallContext
    ) -> AsyncGenerator[StreamEvent]:
        """Send a request and give its events as they arrive; see `Transport.stream`."""
        sent, request_id = self._request(method, request)
        async with aclosing(follow(self._peer, self._port, sent, _old(context))) as events:
            async for event in events:
                if isinstance(event, bytes):
                    replies.result(self._peer, event, request_id)
                else:
                    data = replies.result(self._peer, event.data, request_id)
                    yield StreamEvent(new_response(data))

    async def aclose(self) -> None:
        """Nothing is held: the port is the caller's."""

    def _request(self, method: Method, request: WireModel) -> tuple[Request, int]:
        name = METHODS.get(method.name)
        if name is None:
            raise UnsupportedOperation(f"{self._peer}: {method.name} is not spoken in A2A {SPOKEN}")
        self._last_id += 1
        params = old_params(request.to_dict(), is_send=method.name == "SendMessage")
        frame = {"jsonrpc": VERSION, "id": self._last_id, "method": name, "params": params}
        return Request(method.name, "POST", self._url, _JSON, orjson.dumps(frame)), self._last_id


def _old(context: CallContext) -> CallContext:
    """0.3 has another name for the header that activates extensions."""
    headers = dict(context.headers)
    if context.extensions:
        headers["x-a2a-extensions"] = ",".join(context.extensions)
    return replace(context, headers=headers, extensions=(), after="", version=SPOKEN)


# ---- from 1.0 to 0.3 -----------------------------------------------------------------------------


def old_params(request: JsonObject, *, is_send: bool) -> JsonObject:
    """The parameters of a request as 0.3 spells them (7.1.1, 7.3.1, 7.4.1)."""
    if "message" not in request:
        return {name: value for name, value in request.items() if name != "tenant"}
    configuration = dict(_object(request.get("configuration")))
    if "taskPushNotificationConfig" in configuration:
        raise LocalError(f"push notifications are not spoken in A2A {SPOKEN}")
    returns = configuration.pop("returnImmediately", False)
    if is_send:
        configuration["blocking"] = not returns
    params: dict[str, Json] = {"message": old_message(_object(request["message"]))}
    if configuration:
        params["configuration"] = configuration
    if "metadata" in request:
        params["metadata"] = request["metadata"]
    return params


def old_message(message: JsonObject) -> JsonObject:
    """A message as 0.3 spells it (6.4)."""
    parts: list[Json] = [_old_part(_object(each)) for each in _list(message.get("parts"))]
    role = _ROLES.get(str(message.get("role")), "user")
    return {**message, "kind": "message", "role": role, "parts": parts}


def _old_part(part: JsonObject) -> JsonObject:
    """A part as 0.3 spells it (6.5); data that is no object is wrapped, for 0.3 has no other."""
    kept: dict[str, Json] = {"metadata": part["metadata"]} if "metadata" in part else {}
    if "text" in part:
        return {"kind": "text", "text": part["text"], **kept}
    if "data" in part:
        data = part["data"]
        return {
            "kind": "data",
            "data": data if isinstance(data, Mapping) else {"value": data},
            **kept,
        }
    file: dict[str, Json] = {"bytes": part["raw"]} if "raw" in part else {"uri": part.get("url")}
    names = {"filename": "name", "mediaType": "mimeType"}
    file |= {old: part[new] for new, old in names.items() if new in part}
    return {"kind": "file", "file": file, **kept}


# ---- from 0.3 to 1.0 -----------------------------------------------------------------------------


def new_response(result: JsonObject) -> JsonObject:
    """A result or an event as 1.0 spells it; what it is, its `kind` says (7.2.1).

    Of an unknown kind nothing is left, which the data model then refuses.
    """
    kind = result.get("kind")
    found = _KINDS.get(kind) if isinstance(kind, str) else None
    return {} if found is None else {found[0]: found[1](result)}


def new_task(task: JsonObject) -> JsonObject:
    """A task (6.1)."""
    found = _without(task, "kind", "history", "artifacts")
    found["status"] = _new_status(task.get("status"))
    found["history"] = [new_message(_object(each)) for each in _list(task.get("history"))]
    found["artifacts"] = [_new_artifact(_object(each)) for each in _list(task.get("artifacts"))]
    return found


def new_message(message: JsonObject) -> JsonObject:
    """A message (6.4)."""
    found = _without(message, "kind")
    found["role"] = _OLD_ROLES.get(str(message.get("role")), "")
    found["parts"] = [_new_part(_object(each)) for each in _list(message.get("parts"))]
    return found


def _new_status(status: Json) -> Json:
    if not isinstance(status, Mapping):
        return status
    found: dict[str, Json] = {**status, "state": _OLD_STATES.get(str(status.get("state")), "")}
    if isinstance(message := status.get("message"), Mapping):
        found["message"] = new_message(message)
    return found


def _new_artifact(artifact: JsonObject) -> JsonObject:
    parts: list[Json] = [_new_part(_object(each)) for each in _list(artifact.get("parts"))]
    return {**artifact, "parts": parts}


def _new_part(part: JsonObject) -> JsonObject:
    """A part (6.5)."""
    found: dict[str, Json] = {"metadata": part["metadata"]} if part.get("metadata") else {}
    if part.get("kind") != "file":
        name = "text" if part.get("kind") == "text" else "data"
        return {**found, name: part[name]} if name in part else found
    file = _object(part.get("file"))
    for old, new in _FILE:
        if file.get(old) is not None:
            found[new] = file[old]
    return found


_FILE: Final = (("bytes", "raw"), ("uri", "url"), ("name", "filename"), ("mimeType", "mediaType"))
"""What a file says of itself, in 0.3 and today (6.6)."""


def _new_status_update(event: JsonObject) -> JsonObject:
    return {**_without(event, "kind", "final"), "status": _new_status(event.get("status"))}


def _new_artifact_update(event: JsonObject) -> JsonObject:
    artifact = _new_artifact(_object(event.get("artifact")))
    return {**_without(event, "kind"), "artifact": artifact}


_KINDS: Final[Mapping[str, tuple[str, Callable[[JsonObject], JsonObject]]]] = MappingProxyType(
    {
        "task": ("task", new_task),
        "message": ("message", new_message),
        "status-update": ("statusUpdate", _new_status_update),
        "artifact-update": ("artifactUpdate", _new_artifact_update),
    }
)


def new_card(peer: str, card: JsonObject) -> JsonObject:
    """A card of 0.3 as one of 1.0, as far as this client acts upon it.

    Raises:
        PeerError: It offers no JSON-RPC.
    """
    url = _rpc_url(card)
    if url is None or not is_web_address(url):
        name = card.get("name")
        whose = shown(name) if isinstance(name, str) and name else peer
        raise PeerError(f"{whose}: its card offers no JSON-RPC of A2A {SPOKEN}")
    old = _object(card.get("capabilities"))
    capabilities = {name: old[name] for name in ("streaming", "extensions") if old.get(name)}
    interface = {"url": url, "protocolBinding": BINDING, "protocolVersion": SERVED}
    skills = [_without(_object(each), "security") for each in _list(card.get("skills"))]
    found = {name: card[name] for name in _CARD if card.get(name) is not None}
    return {
        **found,
        "capabilities": capabilities,
        "supportedInterfaces": [interface],
        "skills": skills,
    }


_CARD: Final = (
    "name",
    "description",
    "version",
    "provider",
    "documentationUrl",
    "iconUrl",
    "defaultInputModes",
    "defaultOutputModes",
)
"""Fields that mean the same in both."""


def _rpc_url(card: JsonObject) -> str | None:
    """Where JSON-RPC is spoken: at the main URL, unless another transport is (5.6.1)."""
    main = {"url": card.get("url"), "transport": card.get("preferredTransport") or "JSONRPC"}
    for each in (main, *map(_object, _list(card.get("additionalInterfaces")))):
        url = each.get("url")
        if each.get("transport") == "JSONRPC" and isinstance(url, str):
            return url
    return None


def _without(data: JsonObject, *names: str) -> dict[str, Json]:
    return {name: value for name, value in data.items() if name not in names}


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
