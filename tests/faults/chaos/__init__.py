"""Several processes on one store, killed at random: `python -m tests.faults.chaos`.

storm      starts it all, sends the tasks, kills, and counts what was broken
watcher    a client that follows one task from process to process, by its event numbers
tolls      the tool server: every call has an effect it writes down
chain      the agent: six steps, half of them tool calls
"""

from __future__ import annotations
