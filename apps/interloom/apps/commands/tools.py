"""`interloom tools`: how the tool servers of a configuration do, and what they offer."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import click
import orjson

from interloom.apps import options
from interloom.apps.config import load
from interloom.apps.failures import told
from interloom.apps.probe import Found, Pinned, probe
from interloom.apps.terminal import ExitCode, Failure, emit, emit_json
from interloom.apps.tool_servers import ToolServers
from interloom.bridges.mcp import Reached

_timeout = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, min_open=True),
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    help="What each server gets to answer.",
)


@click.group()
def tools() -> None:
    """Show how tool servers do, and what they offer."""


@tools.command("list")
@options.file
@_timeout
@options.output
def list_servers(*, file: Path, timeout_s: float, output: str) -> None:
    """Ask every tool server of FILE (interloom.yaml unless given) for its tools."""
    found = _probed(file, timeout_s, only=None)
    if output == "json":
        emit_json(orjson.dumps([each.to_json() for each in found]))
    else:
        _show_servers(found)
    _complain(found)


@tools.command("show")
@click.argument("server")
@options.file
@_timeout
@options.output
def show_server(*, server: str, file: Path, timeout_s: float, output: str) -> None:
    """Show the tools of one SERVER of FILE, with the digests that pins are made of."""
    (found,) = _probed(file, timeout_s, only=server)
    if output == "json":
        emit_json(orjson.dumps(found.to_json()))
    else:
        _show_tools(found)
    _complain([found])


def _probed(file: Path, timeout_s: float, *, only: str | None) -> list[Found]:
    with told():
        blocks = load(file, os.environ).tool_servers()
        if only is not None and only not in blocks:
            known = ", ".join(blocks) or "none"
            raise Failure(
                ExitCode.USAGE,
                "NO_SUCH_SERVER",
                f"{file}: no tool server {only!r}; it has: {known}",
            )
        wanted = {name: block for name, block in blocks.items() if only in {None, name}}
        servers = ToolServers(wanted, folder=file.resolve().parent)

        async def ask() -> list[Found]:
            return await probe(servers, within_s=timeout_s)

        return anyio.run(ask)


def _show_servers(found: list[Found]) -> None:
    width = max((len(each.health.server) for each in found), default=0)
    for each in found:
        health = each.health
        how = f"{health.era or '-'} {health.version or '-'}"
        emit(f"{health.server:<{width}}  {_state(each):<8}  {how:<18}  {_offer(each)}".rstrip())


def _state(found: Found) -> str:
    if found.health.reached is Reached.YES and found.problem:
        return "refuses"
    return "reached" if not found.problem else "away"


def _offer(found: Found) -> str:
    if found.problem:
        return found.problem
    changed = [tool.name for tool, pinned in found.tools if pinned is Pinned.CHANGED]
    alarm = f"; not as agreed: {', '.join(changed)}" if changed else ""
    return f"{len(found.tools)} {'tool' if len(found.tools) == 1 else 'tools'}{alarm}"


def _show_tools(found: Found) -> None:
    width = max((len(tool.name) for tool, _ in found.tools), default=0)
    for tool, pinned in found.tools:
        says = " ".join(tool.description.split())
        emit(f"{tool.name:<{width}}  {tool.digest}  {pinned.value:<10}  {says[:80]}".rstrip())


def _complain(found: list[Found]) -> None:
    """End with a failure when a server does not say what it offers.

    Raises:
        Failure: One does not.
    """
    missing = [each for each in found if each.problem]
    if missing:
        names = ", ".join(each.health.server for each in missing)
        raise Failure(
            ExitCode.UNREACHABLE,
            "TOOL_SERVER_AWAY",
            f"{len(missing)} of {len(found)} tool servers do not say what they offer: {names}",
            retryable=True,
        )
