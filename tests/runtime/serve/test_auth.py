"""Who calls: bearer tokens, refusals with a challenge, and tasks that are their owner's alone.

Source: A2A 1.0.1 sections 3.3.2, 7.4, 13.1 and 4.5; RFC 6750 2.1 and 3; RFC 9110 11.6.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import orjson
import pytest

from interloom.runtime.errors import BadConfig, Unauthenticated
from interloom.runtime.serve.auth import BearerTokens, Credentials, Principal, Token, owner
from interloom.runtime.values import Json, JsonObject
from tests.runtime.serve.raw import HEADERS, OURS, Answer, Server, message, running

ADA = Token(Principal("ada", frozenset({"acme"})), "ada-secret")
BOB = Token(Principal("bob", None), "bob-secret")
KNOWN = BearerTokens(ADA, BOB)


def shown(value: str) -> Credentials:
    return Credentials({b"authorization": value.encode("latin-1")})


@pytest.mark.parametrize("value", ["Bearer ada-secret", "bearer ada-secret", "BEARER  ada-secret "])
async def test_token_tells_who_calls(value: str) -> None:
    """RFC 9110 11.1: the scheme's letters' case does not matter."""
    assert await KNOWN.authenticate(shown(value)) == ADA.principal


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YTpi", "ada-secret"])
async def test_request_without_a_token_gets_a_challenge(value: str) -> None:
    """RFC 6750 3.1: no error code where nothing was tried."""
    with pytest.raises(Unauthenticated) as refused:
        await KNOWN.authenticate(shown(value))

    assert refused.value.details == {"challenge": 'Bearer realm="interloom"'}


@pytest.mark.parametrize(
    "token", ["ada-secre", "ada-secret2", "ADA-SECRET", "ada-secret,x", "\xff"]
)
async def test_wrong_token_is_invalid_and_not_repeated(token: str) -> None:
    """RFC 6750 3.1: `invalid_token`."""
    with pytest.raises(Unauthenticated) as refused:
        await KNOWN.authenticate(shown(f"Bearer {token}"))

    challenge = 'Bearer realm="interloom", error="invalid_token"'
    assert refused.value.details == {"challenge": challenge}
    assert token not in str(refused.value)


def test_tokens_are_in_no_repr() -> None:
    """A2A 13.4: credentials are secrets."""
    assert "ada-secret" not in repr(ADA)
    assert "ada-secret" not in repr(vars(KNOWN))


WRONG_TOKENS: dict[str, tuple[Token, ...]] = {
    "none": (),
    "empty": (Token(ADA.principal, ""),),
    "with a blank": (Token(ADA.principal, "a b"),),
    "with a line end": (Token(ADA.principal, "ab\n"),),
    "not ASCII": (Token(ADA.principal, "é"),),
    "one of two": (ADA, Token(BOB.principal, "ada-secret")),
}


@pytest.mark.parametrize("tokens", WRONG_TOKENS.values(), ids=WRONG_TOKENS)
def test_tokens_nobody_could_show_are_refused(tokens: tuple[Token, ...]) -> None:
    """RFC 6750 2.1."""
    with pytest.raises(BadConfig):
        BearerTokens(*tokens)


@pytest.mark.parametrize("name", ["", "a\x1fb", "a\nb", "\x7f"])
def test_principal_has_a_name_that_cannot_be_mistaken(name: str) -> None:
    """Ours: a tenant and a name make one owner."""
    with pytest.raises(BadConfig):
        Principal(name)


def test_owners_differ_when_tenant_or_name_does() -> None:
    """A2A 13.1: tenants are boundaries."""
    pairs = [
        (principal, tenant)
        for principal in (ADA.principal, BOB.principal, None)
        for tenant in ("", "a", "b")
    ]

    assert len({owner(*pair) for pair in pairs}) == len(pairs)


def as_(token: Token | None, **more: str) -> Mapping[str, str]:
    """Headers of a caller."""
    proof = {} if token is None else {"authorization": f"Bearer {token.secret}"}
    return {**HEADERS, **proof, **more}


async def over_rpc(server: Server, method: str, params: Json, token: Token | None) -> Answer:
    frame = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    return await server.ask(frame, headers=as_(token))


async def over_rest(server: Server, verb: str, path: str, token: Token | None) -> Answer:
    return await server.ask(method=verb, path=f"/a2a/echo{path}", headers=as_(token))


async def test_request_without_credentials_is_refused_before_it_is_read() -> None:
    """A2A 7.4: 401 with a challenge on both bindings; the body may never come."""
    async with running(authenticator=KNOWN) as server:
        rpc = await server.ask(b"}{", headers=HEADERS, end="stalls")
        rest = await server.ask(b"}{", path="/message:send", headers=HEADERS, end="stalls")

    rpc.is_refusal(-32000, "UNAUTHENTICATED", status=401, call_id=None)
    assert rest.status == 401
    assert (rest.details[0]["reason"], rest.details[0]["domain"]) == ("UNAUTHENTICATED", OURS)
    for answer in (rpc, rest):
        assert answer.headers["www-authenticate"] == 'Bearer realm="interloom"'


async def test_nobody_sees_anothers_task() -> None:
    """A2A 13.1: not found, in the very words for a task that is not there."""
    async with running(authenticator=KNOWN) as server:
        made = await over_rpc(server, "SendMessage", {"message": message()}, ADA)
        task = cast("JsonObject", made.result["task"])
        hers = await over_rest(server, "GET", f"/tasks/{task['id']}", ADA)
        his = [
            await over_rest(server, "GET", f"/tasks/{task['id']}", BOB),
            await over_rest(server, "POST", f"/tasks/{task['id']}:cancel", BOB),
            await over_rest(server, "GET", f"/tasks/{task['id']}:subscribe", BOB),
            await over_rpc(server, "GetTask", {"id": task["id"]}, BOB),
            await over_rpc(server, "SendMessage", {"message": message(taskId=task["id"])}, BOB),
        ]
        listed = await over_rest(server, "GET", "/tasks", BOB)
        nowhere = await over_rest(server, "GET", "/tasks/nobody", BOB)

    assert hers.frame == task
    for answer in his:
        assert answer.details[0]["reason"] == "TASK_NOT_FOUND"
    assert his[0].body.replace(str(task["id"]).encode(), b"nobody") == nowhere.body
    assert listed.frame["totalSize"] == 0


async def test_one_message_id_of_two_callers_is_two_tasks() -> None:
    """A2A 3.3.1, 13.1: ids are unique for their sender."""
    async with running(authenticator=KNOWN) as server:
        sent: JsonObject = {"message": message()}
        tasks = [
            cast("JsonObject", (await over_rpc(server, "SendMessage", sent, token)).result["task"])
            for token in (ADA, BOB, ADA)
        ]

    assert tasks[0]["id"] == tasks[2]["id"] != tasks[1]["id"]


@pytest.mark.parametrize(
    ("token", "tenant", "status"),
    [(ADA, "acme", 200), (ADA, "other", 403), (BOB, "other", 200), (ADA, "", 200)],
)
async def test_tenant_is_for_its_members(token: Token, tenant: str, status: int) -> None:
    """Ours: a tenant routes, it proves nothing; 7.5."""
    async with running(authenticator=KNOWN) as server:
        prefix = f"/{tenant}" if tenant else ""
        rest = await over_rest(server, "GET", f"{prefix}/tasks", token)
        rpc = await over_rpc(server, "ListTasks", {"tenant": tenant}, token)

    assert rest.status == rpc.status == status
    if status == 403:
        assert rest.details == rpc.details
        assert rest.details[0]["reason"] == "PERMISSION_DENIED"


async def test_card_is_open_and_says_how_to_call() -> None:
    """A2A 4.4.1, 4.5.3, 7.3: `securitySchemes` and `securityRequirements`."""
    async with running(authenticator=KNOWN) as server:
        card = (await server.ask(method="GET", path="/.well-known/agent-card.json")).frame

    assert card["securitySchemes"] == {"bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}}
    assert card["securityRequirements"] == [{"schemes": {"bearer": {}}}]


async def test_card_of_an_open_server_asks_for_nothing() -> None:
    """A2A 4.4.1."""
    async with running() as server:
        card = (await server.ask(method="GET", path="/.well-known/agent-card.json")).frame

    assert card.keys().isdisjoint({"securitySchemes", "securityRequirements"})
