"""A promise as a test can hold somebody to it, without a test framework."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeVar

from interloom.runtime.errors import InterloomError
from interloom.runtime.ledger.port import Ledger

Refusal = TypeVar("Refusal", bound=InterloomError)


class Promise(Protocol):
    """What a store promises; its name says it as a sentence."""

    @property
    def __name__(self) -> str:
        """The sentence, with underscores."""
        ...

    async def __call__(self, ledger: Ledger, /) -> None:
        """Put it to the test on an open, empty store.

        Raises:
            BrokenPromise: The store does something else.
        """
        ...


class BrokenPromise(AssertionError):
    """A store does not do what it promised."""


def same(found: object, expected: object) -> None:
    """Hold what was found against what was promised.

    Raises:
        BrokenPromise: They differ.
    """
    if found != expected:
        raise BrokenPromise(f"found {found!r}, expected {expected!r}")


async def refusal(error: type[Refusal], asked: Awaitable[object]) -> Refusal:
    """Wait for what must be refused, and return its refusal.

    Raises:
        BrokenPromise: It was not refused.
    """
    try:
        await asked
    except error as refused:
        return refused
    raise BrokenPromise(f"was not refused with {error.__name__}")
