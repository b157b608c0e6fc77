"""From `module:attribute` in a configuration to what it names in an author's code."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from interloom.runtime.errors import BadConfig


class Found(NamedTuple):
    """What a reference names.

    Attributes:
        module: The module, imported.
        attribute: Its attribute, as written.
        value: What that is; None where there is none.
    """

    module: ModuleType
    attribute: str
    value: object

    def suggestion(self, is_fit: Callable[[object], bool], *, cutoff: float = 0.6) -> str:
        """`; did you mean 'x'?` with the nearest of the attributes that would do, or nothing."""
        known = [name for name, value in vars(self.module).items() if is_fit(value)]
        meant = get_close_matches(self.attribute, known, n=1, cutoff=cutoff)
        return f"; did you mean {meant[0]!r}?" if meant else ""


def imported(reference: str, folder: Path, *, where: str) -> Found:
    """Import what a reference names.

    Args:
        reference: `module:attribute`.
        folder: Where modules are looked for first: that of the configuration.
        where: The key of the configuration, for errors.

    Raises:
        BadConfig: The module cannot be imported.
    """
    module_name, _, attribute = reference.partition(":")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # an author's module may raise anything
        raise BadConfig(f"{where}: {_import_problem(module_name, error, folder)}") from error
    return Found(module, attribute, getattr(module, attribute, None))


def _import_problem(module: str, error: Exception, folder: Path) -> str:
    """What is wrong with an author's module, and the line of it, if it has got so far."""
    if isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]:
        return f"no module {error.name} in {folder} or among the installed packages"
    said = f"{module} cannot be imported: {type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if Path(each.filename).is_relative_to(folder)]
    if not own or isinstance(error, SyntaxError):  # which says where by itself
        return said
    return f"{said} ({own[-1].filename}:{own[-1].lineno})"
