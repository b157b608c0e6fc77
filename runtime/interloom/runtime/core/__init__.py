"""The pure heart of the runtime: values in, values out; no I/O, clock, randomness or event loop.

machine     the task life cycle as one table
questions   what a waiting task asks
forms       what schemas a question may have
answers     whether a reply answers it, and if not, why
record      what is known of a task, and the events that changed it
decide      (record, command) -> events and effects
view        an A2A Task, rebuilt from its events
delivery    what a subscriber sees, and when its stream ends
trace       W3C trace context: read, check, carry
paging      ListTasks filters and cursors
"""

from __future__ import annotations
