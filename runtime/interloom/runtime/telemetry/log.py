"""Loggers for the library, and how an application turns them on.

A library that is imported says nothing: its loggers are the standard library's, silent until
somebody configures them. The event is a constant name, `area.past_tense`; everything else is
`key=value`. Message parts, tool arguments, tokens and `requestState` are never logged.
"""

from __future__ import annotations

import logging
import sys
from typing import Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict

ROOT: Final = "interloom"
"""The logger above all of ours."""

FOREIGN: Final = {
    "uvicorn": logging.WARNING,
    "asyncio": logging.WARNING,
    "psycopg": logging.ERROR,  # each attempt to connect is a warning; the ledger tells of the first
}
"""Loggers of what is below us, and from which level what they say concerns an operator, too."""

logging.getLogger(ROOT).addHandler(logging.NullHandler())


def logger(area: str) -> structlog.stdlib.BoundLogger:
    """The logger of one area: `engine`, `serve`, `mcp`."""
    bound: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(f"{ROOT}.{area}"),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
    )
    return bound


def configure(level: str, stream: TextIO | None = None) -> None:
    """Write JSON lines to `stream` (stderr), for an application; call it once, at its start.

    Args:
        level: `debug`, `info`, `warning` or `error`; others' loggers have their own at least.
        stream: Where to; stderr when None.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.stdlib.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    threshold = logging.getLevelNamesMapping()[level.upper()]
    foreign = {name: max(threshold, least) for name, least in FOREIGN.items()}
    levels = {ROOT: threshold, **foreign}
    for name, least in levels.items():
        found = logging.getLogger(name)
        found.handlers = [handler]
        found.setLevel(least)
        found.propagate = False


def _json(event: EventDict, **_: object) -> str:
    return orjson.dumps(event, default=repr).decode()
