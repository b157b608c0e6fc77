"""Front doors: what a person or a process manager starts.

    config          interloom.yaml, read into one frozen value or refused with every problem located
    config_block    what blocks of it share; config_server, those about ports and callers
    config_rules    what the file may say beyond its shape; config_words puts findings into words
    expand          ${NAME} from the environment; yaml_marks knows the line of every value
    compose, serve  from a configuration to a process that listens
    references      from `module:attribute` to an author's code
    tool_servers    the MCP servers of a configuration, kept reachable; probe asks what they offer
    peer_agents     the agents of a configuration as others of it call them
    cli             `interloom`: loads a command's file when the command is named
    commands/       run, call, tasks, tools, db, top; options that several of them share
    connect         from `--url` to a client for an agent; bindings it may speak
    stores, tables  the store a configuration names, opened or looked at; what it holds, as text
    conversation    turns with an agent (follow), shown (view), its questions asked (prompt)
    questions       questions read from a task, answers written as a message's part
    terminal        streams, exit codes, one-line errors; failures maps our errors to them

Everything here is a thin shell: what it does lives on the floors below, and nothing below knows
it exists. Importing this package imports nothing else, so that `interloom --help` stays fast.
"""

from __future__ import annotations
