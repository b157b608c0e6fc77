"""Errors of the floors below, as failures of a command."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from interloom.apps.terminal import ExitCode, Failure
from interloom.runtime.errors import (
    BadConfig,
    InterloomError,
    LocalError,
    PeerError,
    Refused,
    RequestError,
    TransportError,
    Unavailable,
)

_EXIT_CODES: Mapping[type[InterloomError], ExitCode] = {
    LocalError: ExitCode.USAGE,
    RequestError: ExitCode.TASK_FAILED,
    PeerError: ExitCode.UNEXPECTED,
    Refused: ExitCode.AUTH_REQUIRED,
    TransportError: ExitCode.UNREACHABLE,
    Unavailable: ExitCode.UNREACHABLE,
    InterloomError: ExitCode.UNEXPECTED,
}

_HINTS: Mapping[type[InterloomError], str] = {
    BadConfig: "",
    Refused: "put a token that the server takes into INTERLOOM_TOKEN",
    TransportError: "is the server running? `interloom run` starts one",
}


@contextmanager
def told() -> Generator[None]:
    """Let errors raised on purpose leave as `Failure`; all others pass.

    Raises:
        Failure: With the exit code of the error's class, or of the nearest parent's.
    """
    try:
        yield
    except InterloomError as error:
        kinds = type(error).__mro__
        exit_code = next(_EXIT_CODES[kind] for kind in kinds if kind in _EXIT_CODES)
        hint = next((_HINTS[kind] for kind in kinds if kind in _HINTS), "")
        raise Failure(
            exit_code, error.code, str(error), hint=hint, retryable=error.retryable
        ) from None
