"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import click

from interloom.apps.connect import DEFAULT_URL
from interloom.runtime.wire.card import Binding

file = click.argument("file", type=click.Path(path_type=Path), default=Path("interloom.yaml"))
store = click.option(
    "--store", metavar="URL", help="sqlite:///PATH or postgresql://HOST/DATABASE; overrides FILE's."
)
url = click.option(
    "--url",
    default=DEFAULT_URL,
    show_default=True,
    envvar="INTERLOOM_URL",
    show_envvar=True,
    help="Base URL of the server.",
)
binding = click.option(
    "--binding",
    type=click.Choice([each.value for each in Binding], case_sensitive=False),
    default=None,
    envvar="INTERLOOM_BINDING",
    show_envvar=True,
    help="Speak this one; else the first of the agent's card that can be reached.",
)
agent = click.option(
    "--agent",
    required=True,
    envvar="INTERLOOM_AGENT",
    show_envvar=True,
    help="Name of the agent that has the task.",
)
output = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Form of the data on stdout, and of an error on stderr.",
)
wait = click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Follow the task until it ends or asks, or return at once with its id.",
)
timeout = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Stop waiting after this long; the task goes on.",
)
