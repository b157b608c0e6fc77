"""A web page cannot drive the agents behind a browser: names, origins, media types.

Source: RFC 9110 7.4 and 15.5.20 (421), 15.5.16 (415); RFC 9112 3.2 (400); RFC 6454 7.
"""

from __future__ import annotations

import orjson
import pytest

from interloom.runtime.serve.hosts import LOOPBACK, Hosts
from tests.runtime.serve.raw import HEADERS, message, running

CARD = "/.well-known/agent-card.json"
SEND = orjson.dumps(
    {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message()}}
)

OURS = ["localhost", "LocalHost:8080", "127.0.0.1:9", "[::1]", "[::1]:8080", "base.example:443"]
THEIRS = ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example"]
ODD = ["", ":8080", "localhost:", "localhost:80:80", "[::1", "[::1].evil.example", "0.0.0.0:8080"]
USER = ["localhost@evil.example", "localhost:80@evil.example"]


def headers(**fields: str) -> dict[bytes, bytes]:
    return {name.encode(): text.encode() for name, text in fields.items()}


@pytest.mark.parametrize("host", OURS)
def test_name_of_ours_is_answered_to_on_any_port(host: str) -> None:
    """Ours: a port may have been forwarded, a name cannot be made up by a page."""
    hosts = Hosts(LOOPBACK, "https://Base.example")

    assert hosts.refusal(headers(host=host)) is None
    assert hosts.refusal(headers(host=host, origin=f"http://{host}")) is None


@pytest.mark.parametrize("host", THEIRS + ODD + USER)
def test_name_of_somebody_else_is_misdirected(host: str) -> None:
    """RFC 9110 7.4: a page whose own name was made to resolve to us says that name."""
    refusal = Hosts(LOOPBACK, "https://base.example").refusal(headers(host=host))

    assert refusal is not None
    assert refusal.status == 421


@pytest.mark.parametrize("origin", ["null", "file://", *(f"https://{host}" for host in THEIRS)])
def test_page_of_another_origin_is_refused(origin: str) -> None:
    """RFC 6454 7: it may reach us, it may not ask."""
    refusal = Hosts(LOOPBACK, "http://[::1]:8080").refusal(headers(host="[::1]", origin=origin))

    assert refusal is not None
    assert refusal.status == 403


def test_base_url_is_the_only_name_where_there_is_no_other() -> None:
    """Ours: behind a public address, loopback is somebody else's."""
    hosts = Hosts(frozenset(), "https://agents.example:8443")

    assert hosts.refusal(headers(host="agents.example:8443")) is None
    assert hosts.refusal(headers(host="localhost")) is not None


def test_request_without_a_host_is_a_bad_one() -> None:
    """RFC 9112 3.2."""
    refusal = Hosts(LOOPBACK, "http://127.0.0.1").refusal({})

    assert refusal is not None
    assert refusal.status == 400


@pytest.mark.parametrize(("method", "path"), [("POST", "/a2a/echo"), ("GET", CARD)])
@pytest.mark.parametrize(
    ("field", "status"), [({"host": "evil.example"}, 421), ({"origin": "http://evil.example"}, 403)]
)
async def test_request_of_a_foreign_page_is_refused_and_nothing_is_begun(
    method: str, path: str, field: dict[str, str], status: int
) -> None:
    """Ours: the card is as much a secret of a local process as its tasks."""
    async with running() as server:
        answer = await server.ask(SEND, method=method, path=path, headers={**HEADERS, **field})
        listed = (await server.call("ListTasks", {})).result

    assert answer.status == status
    assert "evil" not in answer.body.decode()
    answer.is_discreet()
    assert listed["totalSize"] == 0


PLAIN = ["application/json", "application/a2a+json"]


@pytest.mark.parametrize(
    "media_type", [*PLAIN, "Application/JSON", "application/json; charset=utf-8"]
)
async def test_body_that_is_said_to_be_json_is_taken(media_type: str) -> None:
    """A2A 9.1, 14.1.1; RFC 9110 8.3.1."""
    async with running() as server:
        answer = await server.ask(SEND, headers={**HEADERS, "content-type": media_type})

    assert "task" in answer.result


NOT_JSON = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=application/json",
    "text/plain; application/json",
    "application/jsonx",
    "",
]


@pytest.mark.parametrize("media_type", [None, *NOT_JSON])
async def test_body_that_is_not_said_to_be_json_is_refused_unread(media_type: str | None) -> None:
    """RFC 9110 15.5.16; these are what a browser sends for any page without asking us first."""
    fields = {name: text for name, text in HEADERS.items() if name != "content-type"}
    if media_type is not None:
        fields["content-type"] = media_type
    async with running() as server:
        answer = await server.ask(SEND, headers=fields, end="stalls")
        listed = (await server.call("ListTasks", {})).result

    answer.is_refusal(-32600, "UNSUPPORTED_MEDIA_TYPE", status=415, call_id=None)
    assert listed["totalSize"] == 0
