"""What a nested group of errors comes down to."""

from __future__ import annotations

from collections.abc import Iterator

from interloom.runtime.errors import Conflict, Unavailable


def root_cause(error: BaseException) -> BaseException:
    """What to go by of nested groups, which task groups wrap around what their tasks raise."""
    leaves = list(_leaves(error))
    trouble = [leaf for leaf in leaves if isinstance(leaf, Unavailable | Conflict)]
    return trouble[0] if trouble else leaves[0] if len(leaves) == 1 else error


def _leaves(error: BaseException) -> Iterator[BaseException]:
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())  # only groups have it
    for each in inner:
        yield from _leaves(each)
    if not inner:
        yield error
