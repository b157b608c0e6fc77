"""For tests of the runtime and of what is built on it; needs no test framework.

clock           a clock that stands still, ids that repeat
samples         records and events to fill a store with
agents          agents that echo, ask, crash, or wait to be told
promise         what a promise is, and how one is found broken
ledgers         what every `Ledger` promises, one async function a promise
ledger_writes   of its transactions
ledger_reads    of runs, journals and everything read
engines         what every engine promises, one scenario a promise
engine_*        those scenarios, the processes they take place in, and our engines
tapped          a ledger that is listened to, cut off, held up, frozen
in_process      an HTTP port to an application in this process
pair            a whole runtime in memory, and clients that talk to it

A store of your own is held to them like this:

    @pytest.mark.parametrize("promise", LEDGER_PROMISES, ids=lambda each: each.__name__)
    async def test_my_store_keeps_its_promise(promise: Promise) -> None:
        await promise(MyLedger())

An engine, or a store that the embedded engine is to work on, likewise; `MyInstallation` says how
one more process opens it (`engine_house.Installation`):

    @pytest.mark.parametrize("name", scenarios(is_shared=True))
    async def test_my_engine_keeps_its_promise(name: str) -> None:
        await play(name, MyInstallation())
"""

from __future__ import annotations

from interloom.runtime.testing.agents import Slow, asker, crasher, echo
from interloom.runtime.testing.clock import FakeClock, SeededIds
from interloom.runtime.testing.engines import SCENARIOS, play, scenarios
from interloom.runtime.testing.ledgers import LEDGER_PROMISES
from interloom.runtime.testing.promise import BrokenPromise, Promise

__all__ = [
    "LEDGER_PROMISES",
    "SCENARIOS",
    "BrokenPromise",
    "FakeClock",
    "Promise",
    "SeededIds",
    "Slow",
    "asker",
    "crasher",
    "echo",
    "play",
    "scenarios",
]
