"""Whether a caller has what it asks for already: entity tags, dates, and 304.

Source: RFC 9110 sections 5.6.7 (dates), 8.8 (validators), 13.1 and 13.2 (conditions, in which order
they count).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

_TAG: Final = re.compile(rb'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def entity_tag(body: bytes) -> bytes:
    """A strong tag: other bytes have another (8.8.3)."""
    return b'"%b"' % hashlib.sha256(body).hexdigest()[:32].encode()


def http_date(moment: datetime) -> bytes:
    """A moment in whole seconds, as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    return format_datetime(moment, usegmt=True).encode()


def is_known(headers: Mapping[bytes, bytes], tag: bytes, modified: datetime) -> bool:
    """Whether a GET or HEAD is answered with 304.

    Args:
        headers: Of the request, names in small letters.
        tag: Of what would be sent.
        modified: When that was made.
    """
    wanted = headers.get(b"if-none-match")
    if wanted is not None:  # a date does not count beside it (13.1.3)
        return wanted.strip() == b"*" or tag in _TAG.findall(wanted)
    since = headers.get(b"if-modified-since")
    return since is not None and _is_since(since, modified)


def _is_since(since: bytes, modified: datetime) -> bool:
    try:
        then = parsedate_to_datetime(since.decode("latin-1"))
    except (ValueError, OverflowError):
        return False  # what is no date is not there (13.1.3)
    return then.tzinfo is not None and modified.replace(microsecond=0) <= then
