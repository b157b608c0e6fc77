"""Who works on a task, and what happens to it in between.

agent       what an agent is to the runtime
live        a task while somebody in this process looks at it
tasks       open, change and follow tasks: decide, store, then show
port        what every engine promises
context     what an agent's code is given
run         one agent at work on one task: journal, waits, parking
embedded    the engine for one host
caller      who asks, and what every operation refuses in the same words
inbox       takes messages: begins tasks, or joins them
listing     one page of a caller's tasks
operations  the A2A operations, whatever the binding
"""

from __future__ import annotations
