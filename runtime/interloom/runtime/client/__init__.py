"""Calling other agents over A2A 1.0.

client      `A2AClient`: one agent, its operations as methods
replies     PURE: an HTTP answer becomes a result or the error class it stands for
choose      PURE: a card and our abilities give the interface to use
"""

from __future__ import annotations

from interloom.runtime.client.client import A2AClient, resolve
from interloom.runtime.client.replies import AuthRequired, BadStatus

__all__ = ["A2AClient", "AuthRequired", "BadStatus", "resolve"]
