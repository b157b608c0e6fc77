"""`interloom call`: send an agent a message and follow its task."""

from __future__ import annotations

import sys

import click

from interloom.apps import options
from interloom.apps.connect import Address
from interloom.apps.conversation import Manner, converse, message_to
from interloom.apps.questions import text_answer
from interloom.apps.terminal import Terminal


@click.command()
@click.argument("agent")
@click.argument("text")
@options.url
@options.binding
@click.option("--task", "task_id", default="", help="Continue this task.")
@click.option("--context", "context_id", default="", help="Stay in this conversation.")
@options.wait
@options.timeout
@options.output
@click.pass_context
def call(  # noqa: PLR0913 - one parameter an option, which is click's way
    ctx: click.Context,
    *,
    agent: str,
    text: str,
    url: str,
    binding: str | None,
    task_id: str,
    context_id: str,
    wait: bool,
    timeout_s: float,
    output: str,
) -> None:
    """Send AGENT the message TEXT (- reads it from stdin) and follow its task.

    Artifacts go to stdout, progress to stderr. When the task asks something, a person at a
    terminal is prompted; otherwise the question and the command that answers it are shown, and the
    exit code is 6.
    """
    if text == "-":
        text = sys.stdin.read()
    if not text.strip():
        raise click.UsageError("TEXT is empty", ctx)
    converse(
        Address(url, agent, binding or ""),
        message_to(text_answer(text), task_id=task_id, context_id=context_id),
        Manner(timeout_s=timeout_s, wait=wait, as_json=output == "json"),
        ctx.ensure_object(Terminal),
    )
