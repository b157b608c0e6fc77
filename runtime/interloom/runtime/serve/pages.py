"""What stays as it is while the process lives, and is asked for again and again.

Source: A2A 1.0.1 section 8.6.1 (how cards are cached); RFC 9110 sections 9.3.2 (HEAD), 13.2 and
15.4.5 (304); RFC 9111 section 5.2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from interloom.runtime.serve.body import Send
from interloom.runtime.serve.replies import Field, respond
from interloom.runtime.wire.conditional import entity_tag, http_date, is_known

MAX_AGE_S: Final = 300
"""Seconds a card is good for without asking: cards change when a process is started (ours)."""
READS: Final = ("GET", "HEAD")
"""The HTTP methods a page takes."""


@dataclass(frozen=True, slots=True)
class Page:
    """A resource, encoded once.

    Attributes:
        body: What GET gives.
        tag: Its entity tag.
        modified: When it was made.
        media: Its media type.
        fields: The fields that go with 200 and 304 alike (RFC 9110 15.4.5).
    """

    body: bytes
    tag: bytes
    modified: datetime
    media: Field
    fields: tuple[Field, ...]


def page(
    body: bytes, made_at: datetime, *more: Field, media_type: str = "application/json"
) -> Page:
    """Make a page for everybody.

    Args:
        body: What GET gives.
        made_at: When.
        more: Further fields of its answers.
        media_type: Of the body.
    """
    tag = entity_tag(body)
    fields = (
        (b"etag", tag),
        (b"last-modified", http_date(made_at)),
        (b"cache-control", b"public, max-age=%d" % MAX_AGE_S),
        *more,
    )
    return Page(body, tag, made_at, (b"content-type", media_type.encode()), fields)


async def show(shown: Page, verb: str, headers: Mapping[bytes, bytes], send: Send) -> None:
    """Answer GET or HEAD: with the page, or with 304 to who has it."""
    if is_known(headers, shown.tag, shown.modified):
        await send({"type": "http.response.start", "status": 304, "headers": [*shown.fields]})
        await send({"type": "http.response.body", "body": b""})
        return
    is_head = verb == "HEAD"
    await respond(send, 200, shown.body, *shown.fields, media=shown.media, is_head=is_head)
