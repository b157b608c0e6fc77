"""Cards and the catalogue as HTTP resources, and the card for callers who have signed in.

Source: A2A 1.0.1 sections 3.1.11, 8.2, 8.6.1, 13.3 and 3.3.4; RFC 9110 13.2; RFC 9727.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

import anyio
import orjson
import pytest
from joserfc.jwk import ECKey

from interloom.runtime.engine.agent import Agent
from interloom.runtime.errors import BadConfig
from interloom.runtime.ledger.memory import MemoryLedger
from interloom.runtime.model import AgentCard, AgentSkill, decode
from interloom.runtime.serve.auth import BearerTokens, Principal, Token
from interloom.runtime.serve.runtime import Runtime, Settings
from interloom.runtime.testing.agents import echo
from interloom.runtime.testing.pair import pair
from interloom.runtime.values import JsonObject
from interloom.runtime.wire.card import Extended
from interloom.runtime.wire.keys import public_keys, signing_key
from interloom.runtime.wire.methods import Capability
from interloom.runtime.wire.signatures import verify
from tests.runtime.serve.raw import A2A, BINDINGS, HEADERS, REST, RPC, Answer, Server, running

CARD = "/.well-known/agent-card.json"
CATALOGUE = "/.well-known/api-catalog"
PAGES = [CARD, f"/a2a/echo{CARD}", CATALOGUE]

KNOWN = BearerTokens(Token(Principal("ada"), "ada-secret"))
AS_ADA = {**HEADERS, "authorization": "Bearer ada-secret"}
SECRET_SKILL = AgentSkill(id="whisper", name="Whisper", description="Whispers.", tags=("quiet",))


def telling(extended: Extended | None, *capabilities: Capability) -> Agent:
    """An echo with an extended card, or one that only says so."""
    plain = echo("telling")
    offered = plain.about.capabilities.union(capabilities)
    return replace(plain, about=replace(plain.about, extended=extended, capabilities=offered))


@pytest.mark.parametrize("path", PAGES)
async def test_page_says_how_long_it_is_good_for(path: str) -> None:
    """A2A 8.6.1: Cache-Control with max-age, ETag, Last-Modified."""
    before = datetime.now(UTC).replace(microsecond=0)
    async with running() as server:
        answer = await server.ask(method="GET", path=path)

    assert answer.status == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["etag"].startswith('"')
    assert before <= parsedate_to_datetime(answer.headers["last-modified"]) <= datetime.now(UTC)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("condition", "validator"),
    [("if-none-match", "etag"), ("if-modified-since", "last-modified")],
)
@pytest.mark.parametrize("verb", ["GET", "HEAD"])
async def test_caller_that_has_the_page_is_told_so(
    path: str, condition: str, validator: str, verb: str
) -> None:
    """RFC 9110 15.4.5: 304 with the same validators and no body."""
    async with running() as server:
        whole = await server.ask(method="GET", path=path)
        headers = {**HEADERS, condition: whole.headers[validator]}
        again = await server.ask(method=verb, path=path, headers=headers)
        other = await server.ask(
            method=verb, path=path, headers={**HEADERS, "if-none-match": '"x"'}
        )

    assert (again.status, again.body) == (304, b"")
    for name in ("etag", "last-modified", "cache-control"):
        assert again.headers[name] == whole.headers[name]
    assert other.status == 200


async def test_tag_of_a_card_is_the_same_for_every_process_and_another_for_another_card() -> None:
    """A2A 8.6.1: derived from the content."""
    async with running() as server:
        first = [(await server.ask(method="GET", path=path)).headers["etag"] for path in PAGES]
        await server.world.restart()
        second = [(await server.ask(method="GET", path=path)).headers["etag"] for path in PAGES]
        asker = (await server.ask(method="GET", path=f"/a2a/asker{CARD}")).headers["etag"]

    assert first == second
    assert asker not in first


async def test_head_of_a_card_has_its_fields_and_no_body() -> None:
    """RFC 9110 9.3.2."""
    async with running() as server:
        whole = await server.ask(method="GET", path=CARD)
        head = await server.ask(method="HEAD", path=CARD)

    assert (head.status, head.body, head.headers) == (200, b"", whole.headers)


async def test_catalogue_leads_to_every_card() -> None:
    """RFC 9727: one item for each agent, the default first, each with its card."""
    async with running() as server:
        answer = await server.ask(method="GET", path=CATALOGUE)
        head = await server.ask(method="HEAD", path=CATALOGUE)
        own, *agents = cast("list[dict[str, list[JsonObject]]]", answer.frame["linkset"])
        cards = [
            (await server.ask(method="GET", path=str(each["service-meta"][0]["href"])[21:])).frame
            for each in agents
        ]

    assert answer.headers["content-type"].startswith("application/linkset+json")
    assert head.headers["link"] == f'<{CATALOGUE}>; rel="api-catalog"'
    assert [each["title"] for each in own["item"]] == [card["name"] for card in cards]
    assert [card["name"] for card in cards] == ["echo", "asker"]


async def test_cards_are_signed_with_the_key_that_is_published() -> None:
    """A2A 8.4.2, 8.4.3: public and extended ones alike; `jku` leads to the key."""
    key = signing_key(ECKey.generate_key("P-256").as_pem(private=True))
    settings = Settings(signing_key=key, authenticator=KNOWN, grace_s=0.5)
    with anyio.fail_after(30):
        async with pair([telling(Extended())], MemoryLedger, settings) as world:
            server = Server(world)
            cards = [
                await server.ask(method="GET", path=CARD),
                await _extended(server, REST, AS_ADA),
            ]
            published = await server.ask(method="GET", path="/.well-known/jwks.json")

    keys = public_keys(published.body)
    for each in cards:
        verified = verify(decode(AgentCard, each.frame), keys, now=datetime.now(UTC))
        assert verified.header.jku == "http://127.0.0.1:8080/.well-known/jwks.json"
    assert b'"d":' not in published.body


async def _extended(server: Server, binding: str, headers: dict[str, str]) -> Answer:
    if binding == REST:
        path = "/a2a/telling/extendedAgentCard"
        return await server.ask(method="GET", path=path, headers=headers)
    body = b'{"jsonrpc":"2.0","id":1,"method":"GetExtendedAgentCard","params":{}}'
    return await server.ask(body, path="/a2a/telling", headers=headers)


def _card(answer: Answer, binding: str) -> JsonObject:
    return answer.result if binding == RPC else answer.frame


@pytest.mark.parametrize("binding", BINDINGS)
async def test_extended_card_says_more_to_who_has_signed_in(binding: str) -> None:
    """A2A 3.1.11, 13.3: further skills, another description; the rest is the public card."""
    agent = telling(Extended("Tells you more.", (SECRET_SKILL,)))
    async with running(agent, authenticator=KNOWN) as server:
        public = (await server.ask(method="GET", path=f"/a2a/telling{CARD}")).frame
        answer = await _extended(server, binding, AS_ADA)
        stranger = await _extended(server, binding, HEADERS)

    more = dict(_card(answer, binding))
    assert cast("JsonObject", public["capabilities"])["extendedAgentCard"] is True
    assert b"hisper" not in orjson.dumps(public)
    assert [each["id"] for each in cast("list[JsonObject]", more["skills"])] == [
        "telling",
        "whisper",
    ]
    assert more["description"] == "Tells you more."
    assert {**more, "skills": 0, "description": 0} == {**public, "skills": 0, "description": 0}
    assert stranger.status == 401
    if binding == REST:
        assert answer.headers["cache-control"] == "private, max-age=300"


@pytest.mark.parametrize("binding", BINDINGS)
async def test_extended_card_that_is_promised_and_missing_is_not_configured(binding: str) -> None:
    """A2A 3.3.4."""
    agent = telling(None, Capability.EXTENDED_CARD)
    async with running(agent, authenticator=KNOWN) as server:
        answer = await _extended(server, binding, AS_ADA)

    assert answer.details[0]["reason"] == "EXTENDED_AGENT_CARD_NOT_CONFIGURED"
    assert answer.details[0]["domain"] == A2A
    assert answer.status == (200 if binding == RPC else 400)


@pytest.mark.parametrize("binding", BINDINGS)
async def test_extended_card_that_is_not_promised_is_unsupported(binding: str) -> None:
    """A2A 3.3.4: UnsupportedOperation, whoever asks."""
    async with running(telling(None), authenticator=KNOWN) as server:
        answer = await _extended(server, binding, AS_ADA)

    assert answer.details[0]["reason"] == "UNSUPPORTED_OPERATION"


def test_extended_card_for_everybody_is_refused_at_the_start() -> None:
    """A2A 13.3: it MUST require authentication."""
    with pytest.raises(BadConfig, match=r"^agent telling: an extended card is for callers who"):
        Runtime([telling(Extended())], MemoryLedger)
