"""The protocol extensions of our own, by their URIs (A2A 1.0.1 section 4.6)."""

from __future__ import annotations

from typing import Final

STREAM: Final = "urn:interloom:stream:v1"
"""Resumable streams: the id of a server-sent event is its number in its task, from 1 without gaps;
a subscription that names the last one seen in `Last-Event-ID` gets what follows, and no more."""
