"""The record of everything: tasks, events, messages, runs, steps, signals, calls.

rows        what a transaction writes and what a read gives back
port        what every store promises
memory      for tests and trials; gone with the process
pages       ListTasks in SQL
sqlite      one host, one file; see schema/
"""

from __future__ import annotations
