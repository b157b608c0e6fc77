"""Agent cards: kept as HTTP allows, asked for anew, and held against a policy (A2A 8.4, 8.6)."""

from __future__ import annotations

import anyio
import orjson
import pytest
from joserfc.jwk import ECKey

from interloom.runtime.client import (
    A2AClient,
    BadStatus,
    Cards,
    ClientOptions,
    Demand,
    Trust,
    for_origin,
)
from interloom.runtime.client.calls import HOLD_S
from interloom.runtime.client.documents import MAX_KEPT
from interloom.runtime.client.options import CARD as CARD_LIMITS
from interloom.runtime.errors import TransportError
from interloom.runtime.model import AgentCard
from interloom.runtime.testing.clock import FakeClock
from interloom.runtime.wire.keys import SigningKey, public_keys, signing_key
from interloom.runtime.wire.signatures import UntrustedCard, sign
from tests.runtime.client.ports import Canned, ScriptedPort
from tests.runtime.client.test_choose import card

URL = "https://h.example/a2a/hotel"
CARD = card(("https://h.example/rpc", "JSONRPC", "1.0"))
MOVED = card(("https://h.example/moved", "JSONRPC", "1.0"))
LOST = TransportError("h.example: no connection", delivered=False)
JWKS = "https://keys.example/jwks.json"


def page(found: AgentCard = CARD, **headers: str) -> Canned:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Canned((found.to_json(),), headers={"content-type": "application/json", **fields})


def unchanged(**headers: str) -> Canned:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Canned((), status=304, headers=fields)


def cards(
    *answers: Canned | Exception, options: ClientOptions | None = None
) -> tuple[Cards, ScriptedPort, FakeClock]:
    port, clock = ScriptedPort(list(answers)), FakeClock()
    return Cards(port, options, clock), port, clock


# ---- kept ----------------------------------------------------------------------------------------


async def test_fresh_card_is_not_asked_for_again() -> None:
    """A2A 8.6.2, RFC 9111 4.2: the same object, decoded once."""
    found, port, clock = cards(page(cache_control="max-age=60"))

    first = await found.get(URL)
    clock.advance(59)

    assert await found.get(URL) is first
    assert len(port.sent) == 1
    assert port.sent[0].limits == CARD_LIMITS


async def test_stale_card_is_asked_for_with_its_tag() -> None:
    """A2A 8.6.2, RFC 9111 4.3: what has not changed is not sent, and is fresh again."""
    found, port, clock = cards(
        page(
            cache_control="max-age=60", etag='"v1"', last_modified="Thu, 26 Nov 2026 12:00:00 GMT"
        ),
        unchanged(cache_control="max-age=600"),
    )

    first = await found.get(URL)
    clock.advance(61)
    assert await found.get(URL) is first
    clock.advance(599)
    assert await found.get(URL) is first

    assert len(port.sent) == 2
    assert port.sent[1].headers["if-none-match"] == '"v1"'
    assert port.sent[1].headers["if-modified-since"] == "Thu, 26 Nov 2026 12:00:00 GMT"


async def test_changed_card_replaces_the_one_that_was_kept() -> None:
    found, _, clock = cards(page(cache_control="max-age=60"), page(MOVED))

    await found.get(URL)
    clock.advance(61)

    assert await found.get(URL) == MOVED


async def test_card_that_may_not_be_kept_is_fetched_each_time() -> None:
    """RFC 9111 5.2.2.5; without conditions, for nothing is kept to confirm."""
    found, port, _ = cards(page(cache_control="no-store", etag='"v1"'), page(MOVED))

    assert await found.get(URL) == CARD
    assert await found.get(URL) == MOVED
    assert "if-none-match" not in port.sent[1].headers


async def test_kept_card_stands_in_for_a_server_that_is_away() -> None:
    """RFC 9111 4.2.4, for an hour (ours); then the error is told."""
    found, _, clock = cards(page(cache_control="max-age=60"), LOST, LOST)

    first = await found.get(URL)
    clock.advance(61)
    assert await found.get(URL) is first
    clock.advance(3600)
    with pytest.raises(TransportError):
        await found.get(URL)


async def test_card_that_forbids_it_does_not_stand_in() -> None:
    found, _, clock = cards(page(cache_control="max-age=60, must-revalidate"), LOST)

    await found.get(URL)
    clock.advance(61)
    with pytest.raises(TransportError):
        await found.get(URL)


async def test_not_modified_without_a_card_is_an_error() -> None:
    """RFC 9110 15.4.5: we had not asked whether."""
    found, _, _ = cards(unchanged())

    with pytest.raises(BadStatus):
        await found.get(URL)


async def test_those_who_ask_at_once_ask_its_server_once() -> None:
    found, port, _ = cards(page())
    got: list[AgentCard] = []

    async def ask() -> None:
        got.append(await found.get(URL))

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(ask)

    assert got == [CARD] * 5
    assert len(port.sent) == 1


async def test_cards_are_kept_up_to_a_number() -> None:
    found, port, _ = cards(*(page() for _ in range(MAX_KEPT + 2)))

    for number in range(MAX_KEPT + 1):
        await found.get(f"https://h{number}.example")
    await found.get(f"https://h{MAX_KEPT}.example")
    assert len(port.sent) == MAX_KEPT + 1
    await found.get("https://h0.example")

    assert len(port.sent) == MAX_KEPT + 2


async def test_credentials_go_with_the_card_of_their_origin() -> None:
    """A2A 7.3: a card need not be public."""
    options = ClientOptions(credentials=for_origin(URL, {"authorization": "Bearer secret"}))
    found, port, _ = cards(page(), page(), options=options)

    await found.get(URL)
    await found.get("https://other.example")

    assert [sent.headers.get("authorization") for sent in port.sent] == ["Bearer secret", None]


async def test_client_goes_where_the_new_card_says() -> None:
    """Ours: a client asks for the card again, but not before every request."""
    task = b'{"id":"t-1","contextId":"c","status":{"state":"TASK_STATE_WORKING"}}'
    answer = b'{"jsonrpc":"2.0","id":%%ID%%,"result":%b}' % task
    found, port, clock = cards(page(cache_control="no-cache"), page(MOVED))
    agent = A2AClient(URL, ScriptedPort([Canned((answer,)) for _ in range(3)]), cards=found)

    await agent.get("t-1")
    await agent.get("t-1")
    assert (await agent.interface()).url == "https://h.example/rpc"
    clock.advance(HOLD_S)
    await agent.get("t-1")

    assert (await agent.interface()).url == "https://h.example/moved"
    assert len(port.sent) == 2


# ---- trusted -------------------------------------------------------------------------------------


def key(kid: str) -> SigningKey:
    return signing_key(ECKey.generate_key("P-256").as_pem(private=True), kid=kid)


OURS, OTHER = key("ours"), key("other")


def trusting(demand: Demand, *keys: SigningKey, origins: tuple[str, ...] = ()) -> ClientOptions:
    public = tuple(each.public() for each in keys)
    return ClientOptions(trust=Trust(demand, public, frozenset(origins)))


def key_set(*keys: SigningKey, **headers: str) -> Canned:
    listed = [each for one in keys for each in orjson.loads(orjson.dumps(one.jwks()))["keys"]]
    return Canned((orjson.dumps({"keys": listed}),), headers={**headers})


@pytest.mark.parametrize(
    ("demand", "found", "is_trusted"),
    [
        (Demand.REQUIRE, sign(CARD, OURS), True),
        (Demand.REQUIRE, sign(CARD, OTHER), False),
        (Demand.REQUIRE, CARD, False),
        (Demand.IF_PRESENT, sign(CARD, OURS), True),
        (Demand.IF_PRESENT, sign(CARD, OTHER), False),
        (Demand.IF_PRESENT, CARD, True),
        (Demand.IGNORE, sign(CARD, OTHER), True),
        (Demand.IGNORE, CARD, True),
    ],
)
async def test_policy_says_which_cards_are_trusted(
    demand: Demand, found: AgentCard, is_trusted: bool
) -> None:
    """A2A 8.4.3: clients SHOULD verify at least one signature."""
    resolver, _, _ = cards(page(found), options=trusting(demand, OURS))

    if is_trusted:
        assert await resolver.get(URL) == found
    else:
        with pytest.raises(UntrustedCard):
            await resolver.get(URL)


async def test_card_that_is_handed_in_is_held_against_the_policy_too() -> None:
    agent = A2AClient(CARD, ScriptedPort([]), options=trusting(Demand.REQUIRE, OURS))

    with pytest.raises(UntrustedCard, match="is not signed"):
        await agent.get("t-1")


async def test_extended_card_is_held_against_the_policy() -> None:
    answer = b'{"jsonrpc":"2.0","id":%%ID%%,"result":%b}' % MOVED.to_json()
    agent = A2AClient(
        sign(CARD, OURS),
        ScriptedPort([Canned((answer,))]),
        options=trusting(Demand.REQUIRE, OURS),
    )

    with pytest.raises(UntrustedCard):
        await agent.extended_card()


async def test_key_is_fetched_from_an_origin_on_the_list() -> None:
    """A2A 8.4.2 `jku`, 8.4.3; the set is kept like a card."""
    signed = sign(CARD, OURS, jku=JWKS)
    options = trusting(Demand.REQUIRE, origins=("https://keys.example",))
    found, port, _ = cards(page(signed), key_set(OTHER, OURS), page(signed), options=options)

    assert await found.get(URL) == signed
    assert await found.get("https://h.example/a2a/inn") == signed
    assert [sent.url for sent in port.sent].count(JWKS) == 1


@pytest.mark.parametrize("jku", ["https://thief.example/jwks.json", "file:///etc/passwd", "x", ""])
async def test_key_is_fetched_from_nowhere_else(jku: str) -> None:
    """Ours: the card cannot say where its own keys are to be trusted from."""
    options = trusting(Demand.REQUIRE, origins=("https://keys.example",))
    found, port, _ = cards(page(sign(CARD, OURS, jku=jku)), options=options)

    with pytest.raises(UntrustedCard, match="a key that is not trusted"):
        await found.get(URL)
    assert len(port.sent) == 1


async def test_key_that_is_new_is_looked_for_once_a_minute() -> None:
    """Ours: rotation must not wait for a key set to grow old."""
    old, new = sign(CARD, OTHER, jku=JWKS), sign(MOVED, OURS, jku=JWKS)
    options = trusting(Demand.REQUIRE, origins=("https://keys.example",))
    found, port, clock = cards(
        page(old, cache_control="max-age=10"),
        key_set(OTHER, cache_control="max-age=9000"),
        page(new, cache_control="max-age=10"),
        page(new, cache_control="max-age=60"),
        key_set(OTHER, OURS),
        options=options,
    )

    await found.get(URL)
    clock.advance(11)
    with pytest.raises(UntrustedCard):
        await found.get(URL)
    clock.advance(60)

    assert await found.get(URL) == new
    assert [sent.url for sent in port.sent].count(JWKS) == 2


async def test_keys_that_cannot_be_fetched_leave_a_card_untrusted() -> None:
    options = trusting(Demand.REQUIRE, origins=("https://keys.example",))
    found, _, _ = cards(page(sign(CARD, OURS, jku=JWKS)), LOST, options=options)

    with pytest.raises(UntrustedCard, match=r"cannot be fetched: h\.example: no connection"):
        await found.get(URL)


async def test_card_is_checked_again_when_it_is_confirmed() -> None:
    """A2A 8.4.3: an expired key MUST NOT be used, however long its card is kept."""
    jwk = {**orjson.loads(orjson.dumps(OURS.jwks()))["keys"][0], "exp": 0}
    clock = FakeClock()
    jwk["exp"] = clock.now().timestamp() + 30
    keys = public_keys(orjson.dumps({"keys": [jwk]}))
    signed = sign(CARD, OURS)
    port = ScriptedPort([page(signed, cache_control="max-age=60", etag='"a"'), unchanged()])
    found = Cards(port, ClientOptions(trust=Trust(Demand.REQUIRE, keys)), clock)

    await found.get(URL)
    clock.advance(61)
    with pytest.raises(UntrustedCard, match="may not be used any more"):
        await found.get(URL)
