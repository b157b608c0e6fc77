"""The OpenAPI document is the method table, the error table and the card, said to other programs.

Source: OpenAPI 3.1; A2A 1.0.1 sections 11.3 to 11.7.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import orjson
import pytest

from interloom.runtime import model
from interloom.runtime.values import Json
from interloom.runtime.wire.card import OPEN, About, Extended, Security
from interloom.runtime.wire.errors import ROWS
from interloom.runtime.wire.methods import METHODS, Capability, Method
from interloom.runtime.wire.openapi import document

ABOUT = About("echo", "Echoes.", capabilities=frozenset(Capability))
URL = "https://a.example/a2a/echo"
WHOLE = cast("dict[str, Any]", orjson.loads(orjson.dumps(document(ABOUT, URL, OPEN))))


def operation(method: Method, verb: str) -> dict[str, Any]:
    """What the document says of an operation."""
    path = re.sub(r"_(\w)", lambda found: found[1].upper(), method.path)
    return cast("dict[str, Any]", WHOLE["paths"][path][verb.lower()])


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_operation_stands_under_its_path_and_verbs(method: Method) -> None:
    """A2A 5.3, 11.3: and under no other."""
    found = [operation(method, verb) for verb in (method.verb, *method.other_verbs)]

    assert found[0]["operationId"] == method.name
    assert all(
        ("requestBody" in each) == (each is not found[0] or method.verb == "POST") for each in found
    )


def test_document_has_no_other_operation() -> None:
    """DESIGN section 3: one table."""
    verbs = sum(1 + len(method.other_verbs) for method in METHODS.values())
    ids = [each["operationId"] for place in WHOLE["paths"].values() for each in place.values()]

    assert len(ids) == len(set(ids)) == verbs


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_each_field_has_one_place(method: Method) -> None:
    """google.api.http: path, then body or query."""
    found = operation(method, method.verb)
    placed = {each["name"]: each["in"] for each in found["parameters"] if "name" in each}
    in_path = {name for name, place in placed.items() if place == "path"}
    body = (
        found.get("requestBody", {})
        .get("content", {})
        .get("application/json", {})
        .get("schema", {})
    )
    in_body = set(_resolved(body).get("properties", {})) if body else set[str]()
    fields = {
        re.sub(r"_(\w)", lambda each: each[1].upper(), name) for name in method.request.model_fields
    }

    assert in_path == set(
        re.findall(r"\{(\w+)\}", re.sub(r"_(\w)", lambda m: m[1].upper(), method.path))
    )
    assert set(placed) | in_body == fields
    assert not set(placed) & in_body


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return cast("dict[str, Any]", WHOLE["components"]["schemas"][name]) if name else schema


def test_every_reference_leads_somewhere() -> None:
    """OpenAPI 4.8.23."""
    text = orjson.dumps(WHOLE).decode()
    for reference in set(re.findall(r'"\$ref":"#/([^"]+)"', text)):
        place: Any = WHOLE
        for step in reference.split("/"):
            place = place[step]


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_answers_are_those_of_the_tables(method: Method) -> None:
    """A2A 11.4, 11.6, 11.7: one media type or the other, and every status of the error table."""
    answers = operation(method, method.verb)["responses"]
    media_types = list(answers["200"]["content"])

    assert answers.keys() == {"200"} | {str(row.http) for row in ROWS.values()}
    if method.streaming:
        assert media_types == ["text/event-stream"]
    else:
        assert media_types == ["application/a2a+json", "application/json"]


def test_operations_the_card_does_not_promise_are_left_out() -> None:
    """A2A 3.3.4."""
    bare = document(replace(ABOUT, capabilities=frozenset()), URL, OPEN)
    told = document(replace(ABOUT, capabilities=frozenset(), extended=Extended()), URL, OPEN)

    assert cast("dict[str, Json]", bare["paths"]).keys() == {
        "/message:send",
        "/tasks",
        "/tasks/{id}",
        "/tasks/{id}:cancel",
    }
    assert "/extendedAgentCard" in cast("dict[str, Json]", told["paths"])


def test_answer_with_a_task_links_to_what_may_be_done_with_it() -> None:
    """OpenAPI 4.8.20."""
    links = operation(METHODS["SendMessage"], "POST")["responses"]["200"]["links"]

    assert links["CancelTask"] == {
        "operationId": "CancelTask",
        "parameters": {"id": "$response.body#/task/id"},
    }
    assert "SubscribeToTaskByPost" in links
    assert "GetTaskPushNotificationConfig" not in links


SCHEMES: dict[str, tuple[Json, Json]] = {
    "bearer": (
        {"httpAuthSecurityScheme": {"scheme": "Bearer", "description": "A token."}},
        {"type": "http", "scheme": "Bearer", "description": "A token."},
    ),
    "key": (
        {"apiKeySecurityScheme": {"location": "header", "name": "X-Key"}},
        {"type": "apiKey", "in": "header", "name": "X-Key"},
    ),
    "oauth": (
        {
            "oauth2SecurityScheme": {
                "flows": {
                    "authorizationCode": {
                        "authorizationUrl": "https://a.example/a",
                        "tokenUrl": "https://a.example/t",
                        "scopes": {"book": "Books."},
                        "pkceRequired": True,
                    }
                }
            }
        },
        {
            "type": "oauth2",
            "flows": {
                "authorizationCode": {
                    "authorizationUrl": "https://a.example/a",
                    "tokenUrl": "https://a.example/t",
                    "scopes": {"book": "Books."},
                }
            },
        },
    ),
    "oidc": (
        {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://a.example/o"}},
        {"type": "openIdConnect", "openIdConnectUrl": "https://a.example/o"},
    ),
    "mtls": ({"mtlsSecurityScheme": {}}, {"type": "mutualTLS"}),
}


@pytest.mark.parametrize(("theirs", "ours"), SCHEMES.values(), ids=SCHEMES)
def test_security_scheme_is_said_in_openapis_words(theirs: Json, ours: Json) -> None:
    """A2A 4.5 is made after OpenAPI 4.8.27."""
    scheme = model.decode(model.SecurityScheme, cast("dict[str, Json]", theirs))
    needed = model.SecurityRequirement(schemes={"s": model.StringList(list=("book",))})
    found = document(ABOUT, URL, Security({"s": scheme}, (needed,)))

    assert cast("dict[str, Any]", found["components"])["securitySchemes"] == {"s": ours}
    assert found["security"] == [{"s": ["book"]}]
