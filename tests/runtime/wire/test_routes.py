"""Paths and HTTP methods as the annotations of a2a.proto have them.

Source: A2A 1.0.1 sections 5.3 and 11.3; google.api.http.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.errors import BadParams, MethodNotFound, VerbNotAllowed
from interloom.runtime.wire.methods import METHODS, Method
from interloom.runtime.wire.routes import Route, route

EVERY = list(METHODS.values())
STRANGE = ["7", "é☃", "a/b", "a%2Fb", "a:cancel", "a b?c#d", "..", "\x00", "' OR 1=1"]


def path_of(method: Method, value: str) -> str:
    """The path of an operation whose fields are all `value`."""
    return re.sub(r"\{\w+\}", lambda _: quote(value, safe=""), method.path)


@pytest.mark.parametrize("method", EVERY, ids=lambda method: method.name)
@pytest.mark.parametrize("tenant", ["", "acme", "é/☃"])
@pytest.mark.parametrize("value", STRANGE)
def test_operation_is_found_with_the_fields_of_its_path(
    method: Method, tenant: str, value: str
) -> None:
    """A2A 11.3 and the additional bindings of a2a.proto: what was encoded arrives as it was."""
    prefix = f"/{quote(tenant, safe='')}" if tenant else ""
    fields = dict.fromkeys(re.findall(r"\{(\w+)\}", method.path), value)
    expected = {**fields, **({"tenant": tenant} if tenant else {})}

    for verb in (method.verb, *method.other_verbs):
        assert route(verb, prefix + path_of(method, value)) == Route(method, expected)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_any_id_survives_the_path(task_id: str) -> None:
    """RFC 3986 2.1: percent-encoding loses nothing."""
    found = route("GET", f"/tasks/{quote(task_id, safe='')}")

    assert (found.method.name, found.fields) == ("GetTask", {"id": task_id})


def test_both_ways_to_subscribe_are_one_operation() -> None:
    """A2A 5.3 and 11.3.2 say POST, a2a.proto says GET."""
    assert route("GET", "/tasks/7:subscribe") == route("POST", "/tasks/7:subscribe")


NOWHERE = [
    "",
    "/",
    "/task",
    "/tasks/",
    "/tasks//",
    "//tasks",
    "/message",
    "/message:sends",
    "/message%3Asend",
    "/v1/extra/message:send",
    "/tasks/7/pushNotificationConfigs/",
    "/tasks/7/pushnotificationconfigs",
    "/tasks/7/artifacts/2",
    "/extendedagentcard",
    "/Tasks",
]


@pytest.mark.parametrize("path", NOWHERE)
@pytest.mark.parametrize("verb", ["GET", "POST", "BREW"])
def test_path_that_is_no_operations_is_not_served(verb: str, path: str) -> None:
    """RFC 9110 15.5.5."""
    with pytest.raises(MethodNotFound, match=r"^nothing is served at this path$"):
        route(verb, path)


WRONG_VERBS = [
    ("GET", "/message:send", "POST"),
    ("PUT", "/tasks", "GET"),
    ("DELETE", "/tasks/7", "GET"),
    ("GET", "/tasks/7:cancel", "POST"),
    ("DELETE", "/tasks/7:subscribe", "GET, POST"),
    ("PATCH", "/tasks/7/pushNotificationConfigs", "POST, GET"),
    ("POST", "/acme/tasks/7/pushNotificationConfigs/1", "GET, DELETE"),
    ("HEAD", "/extendedAgentCard", "GET"),
    ("get", "/tasks", "GET"),
]


@pytest.mark.parametrize(("verb", "path", "allowed"), WRONG_VERBS)
def test_wrong_verb_is_told_which_are_right(verb: str, path: str, allowed: str) -> None:
    """RFC 9110 15.5.6."""
    with pytest.raises(VerbNotAllowed) as refused:
        route(verb, path)

    assert refused.value.details == {"allowed": allowed}


@pytest.mark.parametrize("path", ["/tasks/%ff", "/tasks/%C3%28:cancel", "/tasks/%ED%A0%80"])
def test_field_that_is_not_utf8_is_named(path: str) -> None:
    """RFC 3986 2.5; nothing is guessed."""
    with pytest.raises(BadParams, match=r"^id: is not UTF-8$") as refused:
        route("POST" if path.endswith(":cancel") else "GET", path)

    assert [each.field for each in refused.value.violations] == ["id"]


def test_tenant_called_like_a_path_is_not_mistaken_for_one() -> None:
    """Ours: the plain binding of a2a.proto comes before the one with a tenant."""
    assert route("GET", "/tasks/tasks").fields == {"id": "tasks"}
    assert route("GET", "/acme/tasks").fields == {"tenant": "acme"}
    assert route("GET", "/tasks/tasks/7").fields == {"tenant": "tasks", "id": "7"}
