"""The HTTP+JSON binding of an agent as an OpenAPI document, from the tables the binding runs on.

Source: OpenAPI 3.1; A2A 1.0.1 sections 11.3 to 11.7 (paths, bodies, errors, streams), 3.2.6
(service parameters), 4.5 (security schemes, after OpenAPI's own).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from interloom.runtime.model import SecurityScheme, SendMessageResponse, Task, WireModel
from interloom.runtime.model.wiremodel import json_name
from interloom.runtime.values import Json, JsonObject
from interloom.runtime.wire.card import About, Security
from interloom.runtime.wire.errors import ROWS
from interloom.runtime.wire.methods import METHODS, Method
from interloom.runtime.wire.rest import JSON
from interloom.runtime.wire.schemas import REFERENCE, mentioned, message_schema, parameter_schema
from interloom.runtime.wire.versions import SERVED

VERSION: Final = "3.1.1"
MEDIA_TYPE: Final = "application/vnd.oai.openapi+json;version=3.1"

_MEDIA_TYPES: Final = (JSON, "application/json")
_VARIABLE: Final = re.compile(r"\{(\w+)\}")
_TASK_IDS: Final[Mapping[type[WireModel] | None, str]] = {
    SendMessageResponse: "/task/id",
    Task: "/id",
}
"""Where an answer says which task it is about."""
_SERVICE_PARAMETERS: Final[Mapping[str, Json]] = {
    "A2A-Version": {
        "name": "A2A-Version",
        "in": "header",
        "required": True,
        "schema": {"enum": [SERVED]},
    },
    "A2A-Extensions": {
        "name": "A2A-Extensions",
        "in": "header",
        "description": "URIs of the extensions to activate, with commas between them.",
        "schema": {"type": "string"},
    },
}
_ERROR: Final[JsonObject] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "description": "google.rpc.Status",
            "required": ["code", "status", "message"],
            "properties": {
                "code": {"type": "integer"},
                "status": {"type": "string"},
                "message": {"type": "string"},
                "details": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["@type"],
                        "properties": {"@type": {"type": "string"}},
                    },
                },
            },
        }
    },
}


def document(about: About, url: str, security: Security) -> JsonObject:
    """The description of an agent's HTTP+JSON binding.

    Args:
        about: What the agent says of itself.
        url: Where it is served.
        security: How callers prove who they are.
    """
    offered = [each for each in METHODS.values() if each.capability in {None, *about.offered}]
    paths: dict[str, dict[str, Json]] = {}
    for method in offered:
        place = paths.setdefault(_path(method), {})
        for verb in (method.verb, *method.other_verbs):
            place[verb.lower()] = _operation(method, verb, offered)
    models = [each for method in offered for each in (method.request, method.response) if each]
    schemas: dict[str, Json] = {
        name: message_schema(model) for name, model in mentioned(*models).items()
    }
    return {
        "openapi": VERSION,
        "info": {"title": about.name, "description": about.description, "version": about.version},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR},
            "parameters": _SERVICE_PARAMETERS,
            "responses": {"Error": _content(_MEDIA_TYPES, _reference("Error"), "What went wrong.")},
            "securitySchemes": {name: _scheme(each) for name, each in security.schemes.items()},
        },
        "security": [
            {name: list(scopes.list) for name, scopes in each.schemes.items()}
            for each in security.requirements
        ],
    }


def _path(method: Method) -> str:
    return _VARIABLE.sub(lambda found: f"{{{json_name(found[1])}}}", method.path)


def _name(method: Method, verb: str) -> str:
    return method.name if verb == method.verb else f"{method.name}By{verb.capitalize()}"


def _operation(method: Method, verb: str, offered: Sequence[Method]) -> JsonObject:
    found: dict[str, Json] = {
        "operationId": _name(method, verb),
        "parameters": [
            *({"$ref": f"#/components/parameters/{name}"} for name in _SERVICE_PARAMETERS),
            *_parameters(method, verb),
        ],
        "responses": {"200": {**_answer(method), **_links(method, offered)}, **_errors()},
    }
    if verb == "POST":
        found["requestBody"] = _body(method)
    return found


def _parameters(method: Method, verb: str) -> Iterator[JsonObject]:
    in_path = _VARIABLE.findall(method.path)
    for name in method.request.model_fields:
        place = "path" if name in in_path else "query"
        if place == "path" or verb != "POST":
            schema = parameter_schema(method.request, name)
            found: JsonObject = {"name": json_name(name), "in": place, "schema": schema}
            yield {**found, "required": True} if place == "path" else found


def _body(method: Method) -> JsonObject:
    """What the path does not say (google.api.http: `body: "*"`)."""
    in_path = {json_name(name) for name in _VARIABLE.findall(method.path)}
    if not in_path:
        content = _content(_MEDIA_TYPES, _reference(method.request.__name__), "")
        return {**content, "required": True}
    schema = message_schema(method.request)
    properties, required = schema["properties"], schema.get("required", [])
    left = {name: each for name, each in _object(properties).items() if name not in in_path}
    needed = [name for name in _names(required) if name not in in_path]
    rest: JsonObject = {"type": "object", "properties": left, "required": needed}
    return {**_content(_MEDIA_TYPES, rest, ""), "required": bool(needed)}


def _answer(method: Method) -> JsonObject:
    schema: JsonObject = {"type": "object"}
    if method.response is not None:
        schema = _reference(method.response.__name__)
    if not method.streaming:
        return _content(_MEDIA_TYPES, schema, "Done.")
    data: JsonObject = {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": schema,
    }
    event: JsonObject = {"type": "object", "required": ["data"], "properties": {"data": data}}
    return _content(("text/event-stream",), event, "Server-sent events as they happen (11.7).")


def _links(method: Method, offered: Sequence[Method]) -> JsonObject:
    """What may be done next with the task that is answered."""
    place = _TASK_IDS.get(method.response)
    if place is None:
        return {}
    links: dict[str, Json] = {}
    for other in offered:
        variables = _VARIABLE.findall(other.path)
        for verb in (other.verb, *other.other_verbs) if len(variables) == 1 else ():
            name = _name(other, verb)
            found = {json_name(variables[0]): f"$response.body#{place}"}
            links[name] = {"operationId": name, "parameters": found}
    return {"links": links}


def _errors() -> Mapping[str, Json]:
    """Every status of the error table."""
    statuses = sorted({str(row.http) for row in ROWS.values()})
    return {status: {"$ref": "#/components/responses/Error"} for status in statuses}


def _content(media_types: tuple[str, ...], schema: JsonObject, description: str) -> JsonObject:
    content = {"content": {each: {"schema": schema} for each in media_types}}
    return {"description": description, **content} if description else content


def _reference(name: str) -> JsonObject:
    return {"$ref": f"{REFERENCE}{name}"}


def _scheme(scheme: SecurityScheme) -> JsonObject:
    """A security scheme in OpenAPI's words, which A2A's are made after (4.5)."""
    kind = scheme.kind or ""
    said = _object(_object(scheme.to_dict()).get(json_name(kind)))
    found = {name: each for name, each in said.items() if name not in {"location", "flows"}}
    match kind:
        case "api_key_security_scheme":
            return {"type": "apiKey", "in": said["location"], **found}
        case "http_auth_security_scheme":
            return {"type": "http", **found}
        case "oauth2_security_scheme":
            return {"type": "oauth2", "flows": _flows(_object(said["flows"])), **found}
        case "open_id_connect_security_scheme":
            return {"type": "openIdConnect", **found}
        case _:
            return {"type": "mutualTLS", **found}


def _flows(flows: JsonObject) -> JsonObject:
    """OpenAPI 3.1 has no flow for devices, and no word for PKCE."""
    return {
        name: {key: each for key, each in _object(flow).items() if key != "pkceRequired"}
        for name, flow in flows.items()
        if name != "deviceCode"
    }


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, Mapping) else {}


def _names(value: Json) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
