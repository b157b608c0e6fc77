"""The record of everything: tasks, events, messages, runs, steps, signals, calls.

rows        what a transaction writes and what a read gives back
port        what every store promises
memory      for tests and trials; gone with the process
statements  what each write does, in SQL that SQLite and PostgreSQL both take; see schema/
queries     what is read, likewise; pages: ListTasks
sqlite      one host, one file
postgres    one database
"""

from __future__ import annotations
