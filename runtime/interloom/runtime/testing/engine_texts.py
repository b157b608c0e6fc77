"""Text that is told while it is made, whatever happens meanwhile. Source: DESIGN 4 (ours)."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from interloom.runtime.core.record import Event
from interloom.runtime.engine.caller import Stream
from interloom.runtime.engine.context import TaskContext
from interloom.runtime.engine.embedded import MAX_ATTEMPTS
from interloom.runtime.ledger.rows import MoveTask, Write
from interloom.runtime.model import SubscribeToTaskRequest, Task, TaskState
from interloom.runtime.testing.engine_agents import Scripted
from interloom.runtime.testing.engine_house import LIMIT_S, Cluster, drink
from interloom.runtime.testing.promise import BrokenPromise, same


async def _speak(agent: Scripted, task: TaskContext) -> str:
    async def source() -> AsyncGenerator[str]:
        yield str(agent.begun)
        await agent.stop_at("middle")
        for piece in (" and", " more"):
            yield piece

    whole = await task.stream("words", source)
    await agent.stop_at("end")
    return f"{len(whole)} characters"


def _shown(task: Task) -> list[str]:
    """The parts of the text, as the caller has them."""
    return [part.text or "" for part in task.artifacts[0].parts]


def _is_piece(write: Write) -> bool:
    return isinstance(write, MoveTask) and any(each.chunk is not None for each in write.events)


async def a_text_is_told_while_it_is_made(cluster: Cluster) -> None:
    """The first piece at once; those that come close together as one."""
    agent = Scripted(_speak)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await agent.until("middle")
    await process.ledger.until(_is_piece)
    same(_shown(await process.get(task)), ["1"])
    agent.let_through("middle")
    await agent.until("end")
    same(_shown(await process.get(task)), ["1", " and more"])
    agent.let_through("end")
    await process.over(task)
    same(_chunks(await process.ledger.events(task.id)), [(False, False), (True, True)])


def _chunks(events: list[Event]) -> list[tuple[bool, bool]]:
    """Whether each piece adds to the text, and ends it."""
    found = [each.chunk for each in events if each.chunk is not None]
    return [(each.append, each.last) for each in found if each.artifact_id == "words"]


async def a_text_that_is_complete_is_not_made_again(cluster: Cluster) -> None:
    """The whole is a step."""
    agent = Scripted(_speak)
    agent.let_through("middle")
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await agent.until("end")
    await process.kill()
    agent.let_through("end")
    process = await cluster.start(agent.agent)
    same("".join(_shown(await process.over(task))), "1 and more")
    same(agent.ran, ["middle", "end", "end"])


async def a_text_that_was_interrupted_is_made_anew_in_place_of_what_there_was(
    cluster: Cluster,
) -> None:
    """Nobody gets the beginning of one and the end of another."""
    agent = Scripted(_speak)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    await process.ledger.until(_is_piece)
    await process.kill()
    agent.let_through("middle")
    agent.let_through("end")
    process = await cluster.start(agent.agent)
    same("".join(_shown(await process.over(task))), "2 and more")
    events = await process.ledger.events(task.id)
    told = _chunks(events)
    same([append for append, _ in told[:2]], [False, False])
    same([is_last for _, is_last in told], [False] * (len(told) - 1) + [True])
    same([each.seq for each in events], list(range(1, len(events) + 1)))


async def a_text_whose_pieces_cannot_be_stored_is_made_anew(cluster: Cluster) -> None:
    """Whichever commit it is that fails: the caller ends up with one text, whole."""
    for after in range(1, 5):
        agent = Scripted(_speak)
        agent.let_through("middle")
        agent.let_through("end")
        process = await cluster.start(agent.agent)
        process.ledger.fail(after=after)
        task = await process.over(await process.begin())
        events = await process.ledger.events(task.id)
        same("".join(_shown(task))[1:], " and more")
        same(len({each.id for each in events}), len(events))
        same(_chunks(events)[-1][1], True)
        await process.kill()


async def a_text_that_ends_every_process_is_begun_so_often_and_fails(cluster: Cluster) -> None:
    """What is told again and again is not progress."""
    agent = Scripted(_speak)
    process = await cluster.start(agent.agent)
    task = await process.begin()
    for number in range(1, MAX_ATTEMPTS + 1):
        await agent.until("middle", number)
        await process.ledger.until(_is_piece)
        await process.kill()
        process = await cluster.start(agent.agent)
    same((await process.over(task)).status.state, TaskState.FAILED)
    same(agent.begun, MAX_ATTEMPTS)


async def a_text_grows_for_who_watches_at_another_process(cluster: Cluster) -> None:
    """Piece by piece, as it is stored."""

    async def work(agent: Scripted, task: TaskContext) -> str:
        async def source() -> AsyncGenerator[str]:
            for piece in ("one", "two", "three"):
                yield piece
                await agent.stop_at(piece)

        return await task.stream("words", source)

    agent = Scripted(work)
    one, other = await cluster.start(agent.agent), await cluster.start()
    other.caller = one.caller
    task = await one.begin()
    await one.ledger.until(_is_piece)
    seen = list[bytes]()
    watched = SubscribeToTaskRequest(id=task.id)
    async with other.operations.subscribe(other.caller, watched) as stream:
        for piece in ("one", "two"):
            agent.let_through(piece)
            seen.append(await _next_piece(stream))
        agent.let_through("three")
        await drink(stream)
    same([b'"two"' in seen[0], b'"three"' in seen[1]], [True, True])


async def _next_piece(stream: Stream) -> bytes:
    while found := await stream.follower.next(LIMIT_S):
        for event in found:
            if event.chunk is not None:
                return event.body
    raise BrokenPromise("the stream fell silent")
