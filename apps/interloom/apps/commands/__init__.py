"""One file per command group; `interloom.apps.cli` imports a file when its command is named."""

from __future__ import annotations
