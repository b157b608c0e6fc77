"""Agents of a configuration that call each other: within the process, and over a real port.

Source: DESIGN section 8 (`ours`); docs/delegation.md.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
import pytest

from interloom.apps.compose import compose
from interloom.apps.config import parse
from interloom.runtime.errors import BadConfig
from interloom.runtime.local import local_client
from interloom.runtime.model import Message, Part, Role, Task, TaskState
from interloom.runtime.serve.runtime import Runtime
from interloom.runtime.serve.server import listen, server

BOUND_S: Final = 30.0
TOKEN: Final = "a-token-of-the-test"  # noqa: S105 - a made-up one
SOURCE: Final = '''"""Two agents."""
from __future__ import annotations

from interloom.agents import Context, agent


@agent(name="hotel")
async def hotel(ctx: Context) -> str:
    return f"a room in {ctx.text}"


@agent(name="concierge", peers=["hotel"])
async def concierge(ctx: Context) -> str:
    return f"Booked: {(await ctx.delegate('hotel', ctx.text)).text}"
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "peered_agents.py").write_text(SOURCE, "utf-8")
    return tmp_path


def runtime(folder: Path, agents: str, more: str = "", base_url: str = "http://x.test") -> Runtime:
    text = f'agents: {{{agents}}}\nstore: "memory:"\n{more}'
    return compose(parse(text, "interloom.yaml", {}), base_url=base_url, folder=folder)


@asynccontextmanager
async def served(folder: Path, more: str) -> AsyncGenerator[str]:
    """The hotel on a port of its own; yields the address of its card."""
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    hotel = runtime(folder, 'hotel: {use: "peered_agents:hotel"}', more, url)
    http = server(hotel.app(), hotel.limits)
    async with anyio.create_task_group() as group:
        group.start_soon(http.serve, [listener])
        yield f"{url}/a2a/hotel"
        http.should_exit = True


async def booked(concierge: Runtime) -> Task:
    """What the concierge makes of a wish."""
    async with concierge.open():
        wish = Message(message_id="m1", role=Role.USER, parts=(Part(text="Lisbon"),))
        task = await local_client(concierge, "concierge").send(wish)
    assert isinstance(task, Task)
    return task


CONCIERGE = 'concierge: {use: "peered_agents:concierge"}'


async def test_agent_of_the_same_file_is_called_within_the_process(folder: Path) -> None:
    """DESIGN 8: the decorator names it, the file has it."""
    both = runtime(folder, f'{CONCIERGE}, hotel: {{use: "peered_agents:hotel"}}')
    with anyio.fail_after(BOUND_S):
        done = await booked(both)

    assert done.artifacts[0].parts[0].text == "Booked: a room in Lisbon"


async def test_agent_elsewhere_is_called_by_its_card_with_our_credentials(folder: Path) -> None:
    """docs/configuration.md: `card`, `headers`; they go to its origin."""
    tokens = f"server: {{tokens: {{us: {TOKEN}}}}}"
    with anyio.fail_after(BOUND_S):
        async with served(folder, tokens) as card:
            sent = f'headers: {{Authorization: "Bearer {TOKEN}"}}'
            known = await booked(runtime(folder, f'{CONCIERGE}, hotel: {{card: "{card}", {sent}}}'))
            unknown = await booked(runtime(folder, f'{CONCIERGE}, hotel: {{card: "{card}"}}'))

    assert known.artifacts[0].parts[0].text == "Booked: a room in Lisbon"
    assert unknown.status.state is TaskState.FAILED


def test_agent_that_the_file_lacks_is_named(folder: Path) -> None:
    """ours: also where the code names it, not the file."""
    with pytest.raises(BadConfig) as refused:
        runtime(folder, CONCIERGE)

    assert str(refused.value) == ("agents.concierge: calls the agent 'hotel', which agents lacks")
