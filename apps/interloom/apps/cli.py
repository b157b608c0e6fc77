"""`interloom`: the command line.

A command's file is imported when the command is named, so that `interloom --help` and shell
completion cost nothing but click. Whatever goes wrong ends as one line on stderr and an exit code.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise

import click
from click.exceptions import Exit, NoArgsIsHelpError

from interloom.apps.terminal import AS_JSON, ExitCode, Failure, clean

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("interloom.apps.commands.run", "Serve the agents of an interloom.yaml."),
    "call": ("interloom.apps.commands.call", "Send an agent a message and follow its task."),
    "tasks": ("interloom.apps.commands.tasks", "List, show, answer and cancel an agent's tasks."),
    "db": ("interloom.apps.commands.db", "Look after a store: status, upgrade, prune."),
    "top": ("interloom.apps.commands.top", "Watch the processes and tasks of a store."),
    "tools": ("interloom.apps.commands.tools", "Show how tool servers do, and what they offer."),
}
"""Every command: the module that holds it, under the command's name, and its one-line help."""

TRACEBACK = "INTERLOOM_TRACEBACK"
"""Environment variable; when set, an unexpected error ends with Python's traceback after all."""


class FrontDoor(click.Group):
    """The root command: loads its commands on demand and reports every failure in one way."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import the module of a command.

        Raises:
            NoSuchCommand: There is no such command; its text names the closest.
        """
        if cmd_name not in COMMANDS:
            raise click.NoSuchCommand(cmd_name, possibilities=COMMANDS, ctx=ctx)
        found: object = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name)
        if not isinstance(found, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]}.{cmd_name} is no command")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        """Parse the arguments in front of the command's name."""
        as_json = _wants_json(args)
        with _reported(as_json=as_json):
            ctx = super().make_context(info_name, args, parent, **extra)
        ctx.meta[AS_JSON] = as_json
        return ctx

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        with _reported(as_json=ctx.meta[AS_JSON]):
            return super().invoke(ctx)


@click.command(
    "interloom",
    cls=FrontDoor,
    epilog=(
        "Exit codes: 0 ok, 1 unexpected, 2 usage, 3 credentials needed, 4 unreachable,"
        " 5 the task failed, 6 the task waits for an answer, 8 timeout."
    ),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="interloom", prog_name="interloom")
def main() -> None:
    """Serve agents over A2A, give them MCP tools, talk to them."""


@contextmanager
def _reported(*, as_json: bool) -> Generator[None]:
    """Report whatever leaves a command, in the form the caller asked for.

    Raises:
        Exit: With the exit code, once the report is written.
    """
    try:
        yield
    except (Exit, NoArgsIsHelpError, BrokenPipeError):
        raise
    except (Exception, KeyboardInterrupt) as error:
        # The last line of defence: a person at a shell is owed a sentence, not our stack.
        failure = _failure(error)
        if failure.code == "UNEXPECTED" and os.environ.get(TRACEBACK):
            raise
        click.echo(failure.envelope() if as_json else clean(failure.told()), err=True)
        raise Exit(failure.exit_code) from None


def _failure(error: BaseException) -> Failure:
    match error:
        case Failure():
            return error
        case click.ClickException():
            context = error.ctx if isinstance(error, click.UsageError) else None
            hint = f"see {context.command_path} --help" if context is not None else ""
            message = " ".join(error.format_message().split()).removesuffix(".")
            return Failure(ExitCode.USAGE, "USAGE", message, hint=hint)
        case click.Abort() | EOFError() | KeyboardInterrupt():
            return Failure(ExitCode.INTERRUPTED, "INTERRUPTED", "interrupted")
        case _:
            return Failure(
                ExitCode.UNEXPECTED,
                "UNEXPECTED",
                f"unexpected {type(error).__name__}, a bug of interloom",
                hint=f"set {TRACEBACK}=1 to see where",
            )


def _wants_json(args: Sequence[str]) -> bool:
    """True when the arguments ask for JSON, whether or not they parse."""
    options = args[: args.index("--")] if "--" in args else args
    is_named = any(
        name in {"-o", "--output"} and value == "json" for name, value in pairwise(options)
    )
    return is_named or not {"-ojson", "--output=json"}.isdisjoint(options)


if __name__ == "__main__":
    main()
