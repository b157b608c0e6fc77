"""What operators see: log lines with constant names, one JSON object each.

log     loggers for the library, and how an application turns them on
"""

from __future__ import annotations
