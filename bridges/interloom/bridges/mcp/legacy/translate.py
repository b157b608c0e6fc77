"""Requests and results of one era in the words of the other. No I/O.

Source: MCP 2025-11-25, basic/lifecycle (initialize), client/elicitation,
server/utilities/logging, server/resources (subscriptions); MCP 2026-07-28, basic/patterns/mrtr,
basic/patterns/subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from interloom.bridges.mcp.core.asks import HELD_LIVE
from interloom.bridges.mcp.core.errors import BadResult
from interloom.bridges.mcp.core.frames import PREFIX, Notification, Request
from interloom.bridges.mcp.core.notices import LOG_LEVEL, Level
from interloom.bridges.mcp.core.routing import SUBSCRIPTION
from interloom.bridges.mcp.core.subscriptions import ACKNOWLEDGED
from interloom.runtime.errors import LocalError
from interloom.runtime.values import Json, JsonObject

VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
"""The older protocol versions we speak, best first."""

INITIALIZE: Final = "initialize"
ELICIT: Final = "elicitation/create"
HELD: Final = "held:"
"""How the `requestState` of a question begins that is held open on its connection; ours."""

AGAIN: Final = "again:"
"""The `requestState` of a call that is to be made again, from the start, after its question."""

URL_REQUIRED: Final = -32042
"""URLElicitationRequiredError (client/elicitation "Error Handling")."""

_ANSWERS: Final = ("inputResponses", "requestState")


def hello(request_id: str, meta: JsonObject) -> Request:
    """The `initialize` request of a client that says of itself what `meta` does.

    Args:
        request_id: A fresh id.
        meta: The `_meta` of the request it is made for: client info and capabilities.
    """
    declared = meta.get(PREFIX + "clientCapabilities")
    elicitation = declared.get("elicitation") if isinstance(declared, Mapping) else None
    capabilities: JsonObject = {} if elicitation is None else {"elicitation": elicitation}
    params: JsonObject = {
        "protocolVersion": VERSIONS[0],
        "capabilities": capabilities,
        "clientInfo": meta.get(PREFIX + "clientInfo", {}),
    }
    return Request(request_id, INITIALIZE, params)


def meta_of(request: Request) -> JsonObject:
    """The `_meta` of a stamped request."""
    meta = request.params.get("_meta")
    return meta if isinstance(meta, Mapping) else {}


def level_of(request: Request) -> Level | None:
    """The log level that a stamped request wishes for; None for no log."""
    wished = meta_of(request).get(LOG_LEVEL)
    return next((level for level in Level if level.value == wished), None)


def can_log(welcome: JsonObject) -> bool:
    """True when a server logs, and can be told from which level on."""
    capabilities = welcome.get("capabilities")
    return isinstance(capabilities, Mapping) and isinstance(capabilities.get("logging"), Mapping)


def plain(request: Request) -> Request:
    """A request without what only this revision puts into it: its stamp and its answers."""
    meta = {key: value for key, value in meta_of(request).items() if not key.startswith(PREFIX)}
    params = {key: value for key, value in request.params.items() if key not in _ANSWERS}
    params.pop("_meta", None)
    return Request(request.id, request.method, {**params, "_meta": meta} if meta else params)


def check_welcome(result: JsonObject, *, server: str) -> str:
    """Hold an `InitializeResult` against what we speak; return its version.

    Raises:
        BadResult: It is of a version we do not speak, or breaks the schema.
    """
    version = result.get("protocolVersion")
    if not isinstance(version, str) or version not in VERSIONS:
        raise BadResult(server, INITIALIZE, f"speaks none of {', '.join(VERSIONS)}")
    if not isinstance(result.get("capabilities"), Mapping):
        raise BadResult(server, INITIALIZE, "capabilities must be an object")
    return version


def discovered(welcome: JsonObject, request: Request) -> JsonObject:
    """An `InitializeResult` as the answer to `server/discover`.

    The version it names is the one it was asked in: that is what a caller speaks to this package.
    """
    asked_in = meta_of(request).get(PREFIX + "protocolVersion")
    return {
        "resultType": "complete",
        "supportedVersions": [asked_in],
        "capabilities": welcome.get("capabilities", {}),
        **{key: welcome[key] for key in ("instructions",) if key in welcome},
        "_meta": {PREFIX + "serverInfo": welcome.get("serverInfo", {})},
    }


def round_of(asked: Mapping[str, JsonObject], state: str) -> JsonObject:
    """Questions as an `InputRequiredResult`; those held open on their connection say so."""
    is_held = state.startswith(HELD)
    requests = {key: _held_live(each) if is_held else each for key, each in asked.items()}
    return {"resultType": "input_required", "inputRequests": requests, "requestState": state}


def question(params: JsonObject) -> JsonObject:
    """The params of a server's `elicitation/create` as an input request."""
    known = {key: value for key, value in params.items() if key != "_meta"}
    return {"method": ELICIT, "params": {"mode": "form", **known}}


def _held_live(request: JsonObject) -> JsonObject:
    params = request.get("params")
    known: JsonObject = params if isinstance(params, Mapping) else {}
    return {**request, "params": {**known, "_meta": {HELD_LIVE: True}}}


def required_urls(data: Json, *, server: str, method: str) -> dict[str, JsonObject]:
    """The questions of a URLElicitationRequiredError.

    Raises:
        BadResult: Its data is not what the text says.
    """
    listed = data.get("elicitations") if isinstance(data, Mapping) else None
    if not isinstance(listed, list) or not listed:
        raise BadResult(server, method, f"error {URL_REQUIRED} must list its elicitations")
    found: dict[str, JsonObject] = {}
    for index, each in enumerate(listed):
        if not isinstance(each, Mapping):
            raise BadResult(server, method, f"error {URL_REQUIRED} must list objects")
        found[str(index)] = question(each)
    return found


def answers(request: Request) -> JsonObject:
    """The `inputResponses` of a retry; empty when it brings none."""
    given = request.params.get("inputResponses")
    return given if isinstance(given, Mapping) else {}


def state_of(request: Request) -> str:
    """The `requestState` of a retry; empty when it brings none.

    Raises:
        LocalError: It is none that this package gave.
    """
    state = request.params.get("requestState", "")
    if not isinstance(state, str) or (state and not state.startswith((HELD, AGAIN))):
        raise LocalError(f"{request.method}: its requestState is of a server of another era")
    return state


def is_accepted(responses: JsonObject) -> bool:
    """True when every answer is yes."""
    return all(isinstance(a, Mapping) and a.get("action") == "accept" for a in responses.values())


# --- subscriptions ---

_CHANGES: Final = {
    "toolsListChanged": ("tools", "listChanged", "notifications/tools/list_changed"),
    "promptsListChanged": ("prompts", "listChanged", "notifications/prompts/list_changed"),
    "resourcesListChanged": ("resources", "listChanged", "notifications/resources/list_changed"),
}
UPDATED: Final = "notifications/resources/updated"


def honoured(request: Request, welcome: JsonObject) -> JsonObject:
    """What of a subscription's filter such a server can honour, by its capabilities."""
    given = request.params.get("notifications")
    wanted: JsonObject = given if isinstance(given, Mapping) else {}
    able = {key: True for key, (area, flag, _) in _CHANGES.items() if _can(welcome, area, flag)}
    agreed: dict[str, Json] = {key: True for key in able if wanted.get(key) is True}
    uris = wanted.get("resourceSubscriptions")
    if uris and _can(welcome, "resources", "subscribe"):
        agreed["resourceSubscriptions"] = uris
    return agreed


def uris_of(agreed: JsonObject) -> list[str]:
    """The single resources of a filter."""
    listed = agreed.get("resourceSubscriptions")
    return [uri for uri in listed if isinstance(uri, str)] if isinstance(listed, list) else []


def is_wanted(notification: Notification, agreed: JsonObject) -> bool:
    """True when a subscription that agreed on this filter brings the notification."""
    if notification.method == UPDATED:
        return notification.params.get("uri") in uris_of(agreed)
    return any(notification.method == m for key, (_, _, m) in _CHANGES.items() if key in agreed)


def acknowledged(request_id: str, agreed: JsonObject) -> Notification:
    """The acknowledgment such a server does not send."""
    return labelled(request_id, Notification(ACKNOWLEDGED, {"notifications": agreed}))


def labelled(request_id: str, notification: Notification) -> Notification:
    """A notification with the id of the subscription it is for."""
    given = notification.params.get("_meta")
    meta = {**(given if isinstance(given, Mapping) else {}), SUBSCRIPTION: request_id}
    return Notification(notification.method, {**notification.params, "_meta": meta})


def _can(welcome: JsonObject, area: str, flag: str) -> bool:
    capabilities = welcome.get("capabilities")
    found = capabilities.get(area) if isinstance(capabilities, Mapping) else None
    return isinstance(found, Mapping) and found.get(flag) is True
