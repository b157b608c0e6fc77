"""Fresh ids: never the same twice, in whatever process."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from typing import Final

from interloom.runtime.values import RandomIds

BOUND_S: Final = 30.0
MANY: Final = 1000
FORKED: Final = """
import os
from interloom.runtime.values import RandomIds

RandomIds().fresh()  # the pool is full now
child = os.fork()
if child:
    os.waitpid(child, 0)
print(*(RandomIds().fresh() for _ in range(200)), flush=True)
"""


def test_id_is_32_hex_digits_and_like_no_other() -> None:
    """values.py: 128 random bits."""
    drawn = [RandomIds().fresh() for _ in range(MANY)]

    assert len(set(drawn)) == MANY
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in drawn)


def test_forked_process_draws_ids_of_its_own() -> None:
    """Ours: a pool shared by two processes would give both the same."""
    ended = subprocess.run(  # noqa: S603 - our own interpreter, our own program
        [sys.executable, "-c", FORKED], capture_output=True, check=True, timeout=BOUND_S
    )
    drawn = ended.stdout.split()

    assert len(drawn) == len(set(drawn)) == 400


def test_source_of_ids_that_is_gone_leaves_nothing_behind() -> None:
    """Ours: a program may make one for each message it sends."""
    RandomIds().fresh()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(MANY):
        RandomIds().fresh()
    gc.collect()

    assert len(gc.get_objects()) - before < MANY // 2
