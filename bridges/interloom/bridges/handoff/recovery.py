"""What is done with a tool call where it stands: one table. No I/O.

Source: DESIGN section 4 (`ours`): a call whose outcome nobody knows is never repeated silently,
unless the operator or the tool's owner said that repeating is safe; otherwise somebody is asked.

Three things decide: where the call stands, what vouches for its tool, and the operator's word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Final, NamedTuple

from interloom.bridges.mcp.core.tools import Tool
from interloom.runtime.ledger.rows import CallState

IDEMPOTENCY_KEY: Final = "io.interloom/idempotencyKey"
"""`_meta` key of a request that is the same for a repeat and for no other request."""
HONOURS_KEY: Final = "io.interloom/honoursKey"
"""`_meta` key of a tool's definition: true says that it does nothing twice under one key."""
EVERY_TOOL: Final = "*"
"""Stands for all tools of a server that are not named."""


@unique
class Standing(Enum):
    """Where a call stands: what its row says, and what this process has seen beyond it."""

    LOST = "lost"
    """This process sent it, and there will be no answer."""
    INTERRUPTED = "interrupted"
    """INTENDED by a process that is gone."""
    FORGOTTEN = "forgotten"
    """The server refuses its own `requestState`, sent to it for the first time: it has expired."""
    REFUSED = "refused"
    """A repeat that was sent with the server's `requestState`, which the server refuses to take."""
    IN_DOUBT = "in doubt"
    """Somebody was asked what to do."""
    POSTPONED = "postponed"
    """The server wants it again later."""
    ASKED = "asked"
    """INPUT_REQUIRED: the server waits for answers, and nothing is under way."""
    REMOTE = "remote"
    """The server made a task of it."""
    OVER = "over"
    """DONE or ERROR."""


@unique
class Vouched(Enum):
    """What vouches for a tool: why it may be called twice."""

    NOTHING = "nothing"
    READ_ONLY = "read-only"
    """Its trusted server says that it changes nothing (`readOnlyHint`)."""
    IDEMPOTENT = "idempotent"
    """Its trusted server says that a second call changes nothing more (`idempotentHint`)."""
    KEYED = "keyed"
    """It does nothing twice under our key: the operator says so, or its trusted server does."""


@unique
class Repeat(Enum):
    """An operator's word on repeating a call whose outcome is unknown."""

    ASK = "ask"
    """Ask, unless something vouches for the tool."""
    ALWAYS = "always"
    NEVER = "never"


@unique
class Next(Enum):
    """What is done with a call."""

    SEND = "send"
    RESEND = "resend"
    """Send the same request once more, under the same key."""
    ANSWER = "answer"
    """Get the answers that the server waits for; then send."""
    ASK = "ask"
    """Ask the task's caller what is to be done."""
    REOPEN = "reopen"
    """Call anew, without the server's `requestState`; the same question gets the same answer."""
    POLL = "poll"
    FAIL = "fail"
    DONE = "done"
    """Its outcome is stored."""


class Rule(NamedTuple):
    """One row of the table; empty stands for any."""

    standing: Standing
    repeat: frozenset[Repeat]
    vouched: frozenset[Vouched]
    next: Next


_ANY: Final[frozenset[Repeat]] = frozenset(Repeat)
_ASK: Final = frozenset({Repeat.ASK})
_ALWAYS: Final = frozenset({Repeat.ALWAYS})
_NEVER: Final = frozenset({Repeat.NEVER})
_WHATEVER: Final[frozenset[Vouched]] = frozenset(Vouched)
_NOTHING: Final = frozenset({Vouched.NOTHING})
_SOMETHING: Final = _WHATEVER - _NOTHING
_KEYED: Final = frozenset({Vouched.KEYED})

TABLE: Final = (
    Rule(Standing.POSTPONED, _ANY, _WHATEVER, Next.SEND),
    Rule(Standing.ASKED, _ANY, _WHATEVER, Next.ANSWER),
    Rule(Standing.REMOTE, _ANY, _WHATEVER, Next.POLL),
    Rule(Standing.OVER, _ANY, _WHATEVER, Next.DONE),
    # A question that was put stands, whatever the configuration says by now.
    Rule(Standing.IN_DOUBT, _ANY, _WHATEVER, Next.ASK),
    Rule(Standing.INTERRUPTED, _ALWAYS, _WHATEVER, Next.RESEND),
    Rule(Standing.INTERRUPTED, _ASK, _SOMETHING, Next.RESEND),
    Rule(Standing.INTERRUPTED, _ASK, _NOTHING, Next.ASK),
    Rule(Standing.INTERRUPTED, _NEVER, _WHATEVER, Next.FAIL),
    # The agent's code is there to react, so that nobody need be asked.
    Rule(Standing.LOST, _ALWAYS, _WHATEVER, Next.RESEND),
    Rule(Standing.LOST, _ASK, _SOMETHING, Next.RESEND),
    Rule(Standing.LOST, _ASK, _NOTHING, Next.FAIL),
    Rule(Standing.LOST, _NEVER, _WHATEVER, Next.FAIL),
    # Earlier rounds of the call were under way: to open it anew is to call twice.
    Rule(Standing.FORGOTTEN, _ALWAYS, _WHATEVER, Next.REOPEN),
    Rule(Standing.FORGOTTEN, _ASK, _SOMETHING, Next.REOPEN),
    Rule(Standing.FORGOTTEN, _ASK, _NOTHING, Next.ASK),
    Rule(Standing.FORGOTTEN, _NEVER, _WHATEVER, Next.FAIL),
    # A state may be good for one use: the refusal says that the first try has arrived, not more.
    # A call that is opened anew has another key, so that a keyed tool would do it twice.
    Rule(Standing.REFUSED, _ALWAYS, _WHATEVER, Next.REOPEN),
    Rule(Standing.REFUSED, _ASK, _SOMETHING - _KEYED, Next.REOPEN),
    Rule(Standing.REFUSED, _ASK, _KEYED, Next.FAIL),
    Rule(Standing.REFUSED, _ASK, _NOTHING, Next.ASK),
    Rule(Standing.REFUSED, _NEVER, _WHATEVER, Next.FAIL),
)
"""Exactly one row fits any three."""

_NEXT: Final = {
    (rule.standing, repeat, vouched): rule.next
    for rule in TABLE
    for repeat in rule.repeat
    for vouched in rule.vouched
}

_STORED: Final = {
    CallState.INTENDED: Standing.INTERRUPTED,
    CallState.IN_DOUBT: Standing.IN_DOUBT,
    CallState.POSTPONED: Standing.POSTPONED,
    CallState.INPUT_REQUIRED: Standing.ASKED,
    CallState.REMOTE_TASK: Standing.REMOTE,
    CallState.DONE: Standing.OVER,
    CallState.ERROR: Standing.OVER,
}


def standing_of(state: CallState) -> Standing:
    """Where a call stands whose row was found by a run that is begun."""
    return _STORED[state]


def next_for(standing: Standing, repeat: Repeat, vouched: Vouched) -> Next:
    """What is done with a call; see `TABLE`."""
    return _NEXT[standing, repeat, vouched]


def depends_on_vouching(standing: Standing, repeat: Repeat) -> bool:
    """Whether what vouches for a call makes a difference to what is done with it."""
    return len({_NEXT[standing, repeat, vouched] for vouched in Vouched}) > 1


class Promises(NamedTuple):
    """What a server said of a tool when a call was intended; worth as much as the server.

    Attributes:
        read_only: `readOnlyHint` (MCP 2026-07-28 `ToolAnnotations`).
        idempotent: `idempotentHint`.
        honours_key: `HONOURS_KEY` in the definition's `_meta`.
    """

    read_only: bool = False
    idempotent: bool = False
    honours_key: bool = False

    @classmethod
    def of(cls, tool: Tool | None) -> Promises:
        """Those of a tool as its server lists it; none of one that is not listed."""
        if tool is None:
            return cls()
        meta = tool.raw.get("_meta")
        honours = isinstance(meta, Mapping) and meta.get(HONOURS_KEY) is True
        return cls(tool.hints.is_read_only, tool.hints.is_idempotent, honours)


NO_PROMISES: Final = Promises()


@dataclass(frozen=True, slots=True)
class Policy:
    """An operator's word on the calls of one server.

    Attributes:
        repeat: What to do with a call whose outcome is unknown.
        by_tool: The same for single tools; their word stands before the server's.
        honours_key: Tools that do nothing twice under our key, or `EVERY_TOOL`.
        is_trusted: True makes what the server says of its tools count.
    """

    repeat: Repeat = Repeat.ASK
    by_tool: Mapping[str, Repeat] = field(default_factory=dict[str, Repeat])
    honours_key: frozenset[str] = frozenset()
    is_trusted: bool = False

    @classmethod
    def of(
        cls,
        repeats: Mapping[str, str],
        *,
        honours_key: Iterable[str] = (),
        is_trusted: bool = False,
    ) -> Policy:
        """What a configuration says.

        Args:
            repeats: Values of `Repeat` by tool; under `EVERY_TOOL` for those not named.
            honours_key: As for the class.
            is_trusted: As for the class.

        Raises:
            ValueError: A word is none of `Repeat`'s.
        """
        words = {tool: Repeat(word) for tool, word in repeats.items()}
        repeat = words.pop(EVERY_TOOL, Repeat.ASK)
        return cls(repeat, words, frozenset(honours_key), is_trusted)

    def vouched(self, tool: str, promises: Promises) -> Vouched:
        """What vouches for a tool; the strongest that does."""
        trusted = promises if self.is_trusted else NO_PROMISES
        if trusted.honours_key or not self.honours_key.isdisjoint({tool, EVERY_TOOL}):
            return Vouched.KEYED
        if trusted.read_only:
            return Vouched.READ_ONLY
        return Vouched.IDEMPOTENT if trusted.idempotent else Vouched.NOTHING

    def next(self, standing: Standing, tool: str, promises: Promises) -> Next:
        """What is done with a call of a tool."""
        repeat = self.by_tool.get(tool, self.repeat)
        return next_for(standing, repeat, self.vouched(tool, promises))


CAREFUL: Final = Policy()
"""Ask, and believe nobody."""
READING: Final = Policy(Repeat.ALWAYS)
"""For prompts and resources, whatever an operator says of tools; ours: MCP 2026-07-28 has templates
and data there (server/prompts, server/resources), and to read them once more changes nothing."""
