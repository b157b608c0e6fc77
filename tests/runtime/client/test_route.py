"""Which interface a request goes to, what goes along, and which comes next when it cannot."""

from __future__ import annotations

import anyio
import pytest

from interloom.runtime.client import A2AClient, ClientOptions, Resume, for_origin
from interloom.runtime.errors import TransportError
from interloom.runtime.model import Message, Part, Role
from tests.runtime.client.ports import Canned, ScriptedPort
from tests.runtime.client.test_choose import card

ONE, TWO = "https://one.example/rpc", "https://two.example/rest"
CARD = card((ONE, "JSONRPC", "1.0"), (TWO, "HTTP+JSON", "1.0"))
SAID = Message(message_id="m-1", role=Role.USER, parts=(Part(text="Lisbon"),))
TASK = b'{"id":"t-1","contextId":"c","status":{"state":"TASK_STATE_WORKING"}}'
ONE_STREAM = ClientOptions(resume=Resume(tries=0))
STREAM = {"content-type": "text/event-stream"}


def rpc(json: bytes = TASK) -> Canned:
    return Canned((b'{"jsonrpc":"2.0","id":%%ID%%,"result":%b}' % json,))


def lost(*, delivered: bool) -> TransportError:
    return TransportError("one.example: no connection", delivered=delivered)


async def test_next_interface_is_used_when_the_first_cannot_be_reached() -> None:
    """Ours: nothing was delivered, so nothing happens twice; and the choice lasts."""
    port = ScriptedPort([lost(delivered=False), Canned((TASK,)), Canned((TASK,))])
    agent = A2AClient(CARD, port)

    await agent.get("t-1")
    await agent.get("t-1")

    assert [sent.url for sent in port.sent] == [ONE, f"{TWO}/tasks/t-1", f"{TWO}/tasks/t-1"]
    assert (await agent.interface()).url == TWO


async def test_interface_that_came_back_is_found_again() -> None:
    port = ScriptedPort([lost(delivered=False), Canned((TASK,)), lost(delivered=False), rpc()])
    agent = A2AClient(CARD, port)

    await agent.get("t-1")
    await agent.get("t-1")

    assert [sent.url for sent in port.sent] == [ONE, *[f"{TWO}/tasks/t-1"] * 2, ONE]


async def test_stream_begins_at_the_next_interface_too() -> None:
    events = Canned((b'data: {"task":%b}\n\n' % TASK,), headers=STREAM)
    port = ScriptedPort([lost(delivered=False), events])

    (event,) = [each async for each in A2AClient(CARD, port, options=ONE_STREAM).stream(SAID)]

    assert event.task is not None
    assert port.sent[1].url == f"{TWO}/message:stream"


async def test_request_that_may_have_arrived_is_not_sent_elsewhere() -> None:
    """Ours: an uncertain outcome is the caller's to judge."""
    port = ScriptedPort([lost(delivered=True)])

    with pytest.raises(TransportError):
        await A2AClient(CARD, port).send(SAID)

    assert len(port.sent) == 1


async def test_error_of_the_last_interface_is_the_callers() -> None:
    last = TransportError("two.example: no connection", delivered=False)
    port = ScriptedPort([lost(delivered=False), last])

    with pytest.raises(TransportError, match=r"two\.example"):
        await A2AClient(CARD, port).get("t-1")


async def test_binding_can_be_chosen() -> None:
    port = ScriptedPort([Canned((TASK,))])

    await A2AClient(CARD, port, options=ClientOptions(bindings=("HTTP+JSON",))).get("t-1")

    assert port.sent[0].url == f"{TWO}/tasks/t-1"


async def test_credentials_go_to_their_origin_alone() -> None:
    """A2A 7.3; ours: a card may name an address of somebody else."""
    port = ScriptedPort([Canned((CARD.to_json(),)), lost(delivered=False), Canned((TASK,))])
    options = ClientOptions(credentials=for_origin(ONE, {"Authorization": "Bearer secret"}))
    agent = A2AClient("https://cards.example", port, options=options)

    await agent.get("t-1")

    assert [sent.headers.get("authorization") for sent in port.sent] == [
        None,
        "Bearer secret",
        None,
    ]


async def test_extensions_are_activated_on_every_request() -> None:
    """A2A 3.2.6."""
    port = ScriptedPort([rpc()])

    await A2AClient(CARD, port, options=ClientOptions(extensions=("urn:a", "urn:b"))).get("t-1")

    assert port.sent[0].headers["a2a-extensions"] == "urn:a,urn:b"


async def test_time_limit_ends_a_call() -> None:
    """Ours: it bounds all of the call, whatever the binding does."""
    with anyio.fail_after(10), pytest.raises(TransportError, match="GetTask: not done") as caught:
        await A2AClient(CARD, _Silent()).get("t-1", timeout_s=0.01)

    assert caught.value.delivered


async def test_time_limit_ends_a_stream() -> None:
    with anyio.fail_after(10), pytest.raises(TransportError, match="SubscribeToTask: not done"):
        await anext(A2AClient(CARD, _Silent()).subscribe("t-1", timeout_s=0.01))


class _Silent(ScriptedPort):
    """Takes requests and never answers."""

    def __init__(self) -> None:
        super().__init__([_Waiting(())])


class _Waiting(Canned):
    async def read(self) -> bytes:
        await anyio.sleep_forever()
        return b""
