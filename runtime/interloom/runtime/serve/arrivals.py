"""What arrives on a connection: bytes in, requests out, the body of each as it comes.

The parser is httptools. A head is bounded in size and in the number of its fields.

Source: RFC 9112 3 and 6, RFC 9110 7.8 (Upgrade) and 10.1.1 (Expect), RFC 6585 5 (431); the bounds
are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias
from urllib.parse import unquote

import httptools

from interloom.runtime.serve.body import Scope
from interloom.runtime.serve.exchange import Exchange, Line

MAX_HEAD_BYTES: Final = 64 * 1024
"""Bytes of a request's head."""
MAX_FIELDS: Final = 100
"""Header fields of a request."""
_HIGH_WATER: Final = 64 * 1024
"""Bytes of a body that nobody has asked for yet; then no more are read."""

_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})

_Fields: TypeAlias = list[tuple[bytes, bytes]]


class Malformed(Exception):
    """What arrived is no request."""


class Sprawling(Exception):
    """A head is over the limits."""


class Arrivals:
    """The parser of one connection and what it is in the middle of.

    Attributes:
        exchange: The request whose head is whole and whose body is not; None between requests.
        is_in_head: Whether a head has begun and is not whole.
        whole: How many requests have become whole.
    """

    __slots__ = (
        "_begin",
        "_common",
        "_fields",
        "_line",
        "_parser",
        "_reads_again",
        "_taken_bytes",
        "_url",
        "exchange",
        "is_in_head",
        "whole",
    )

    def __init__(self, line: Line, common: Scope, begin: Callable[[Exchange], None]) -> None:
        """Begin with nothing.

        Args:
            line: What the exchanges are given to answer on.
            common: What the scopes of all requests of the connection have in common.
            begin: Called with each request once its head is whole.
        """
        self._line, self._common, self._begin = line, common, begin
        self._parser = self._new_parser()
        self._reads_again = False  # a head that is known
        self.exchange: Exchange | None = None
        self.is_in_head = False
        self.whole = 0
        self._url = b""
        self._fields: _Fields = []
        # Of the packets the present head came in: no head is larger. Those that held the end of a
        # request before it do not count.
        self._taken_bytes = 0

    def feed(self, data: bytes) -> None:
        """Take some bytes.

        Raises:
            Malformed: They are no HTTP/1 request.
            Sprawling: A head is over the limits.
        """
        before = self.whole
        self._taken_bytes += len(data)
        try:
            while data:
                data = self._parse(data)
        except httptools.HttpParserError as error:
            raise _cause(error) from None
        if self.whole != before:
            self._taken_bytes = 0
        elif self.is_in_head and self._taken_bytes > MAX_HEAD_BYTES:
            raise Sprawling

    def _parse(self, data: bytes) -> bytes:
        """Parse, and return what is left to parse."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._pass_over_offer()
            return data[offer.args[0] :]
        return b""

    def _pass_over_offer(self) -> None:
        """Go on as if no other protocol had been offered (RFC 9110 7.8).

        httptools takes what follows such a head for that protocol's, even where it is the request's
        body; Java's own client sends such requests. So a parser that has not seen the offer is told
        how the body is framed, and reads on.
        """
        framing = [b"%b: %b\r\n" % field for field in self._fields if field[0] in _FRAMING]
        self._parser = self._new_parser()
        self._reads_again = True
        self._parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What follows a request that asks to close is not answered, but no reason to refuse it.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    # Called by the parser

    def on_message_begin(self) -> None:
        """A request begins."""
        if self._reads_again:
            return
        self.is_in_head = True
        self._url = b""
        self._fields = []

    def on_url(self, url: bytes) -> None:
        """A piece of its target is here."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field is here; those behind a body are passed over (RFC 9110 6.5.1)."""
        if self.is_in_head:
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        if self._reads_again:
            self._reads_again = False
            return
        self.is_in_head = False
        fields, parser = self._fields, self._parser
        if len(fields) > MAX_FIELDS or (
            self._taken_bytes > MAX_HEAD_BYTES and _size(self._url, fields) > MAX_HEAD_BYTES
        ):
            raise Sprawling
        raw_path, _, query = _target(self._url).partition(b"?")
        path, version = raw_path.decode("ascii"), parser.get_http_version()
        scope = {
            **self._common,
            "http_version": version,
            "method": parser.get_method().decode("ascii"),
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": fields,
        }
        keeps_alive = version == "1.1" and parser.should_keep_alive()
        self.exchange = Exchange(
            self._line, scope, keeps_alive=keeps_alive, expects=_expects(fields)
        )
        self._begin(self.exchange)

    def on_body(self, body: bytes) -> None:
        """A piece of its body is here."""
        exchange = self.exchange
        if exchange is not None and not exchange.is_answered and exchange.take(body) > _HIGH_WATER:
            self._line.pause()

    def on_message_complete(self) -> None:
        """It is whole."""
        if self._parser.should_upgrade():  # or is not: see `_pass_over_offer`
            return
        if self.exchange is not None:
            self.exchange.end()
            self.exchange = None
        self.whole += 1


def _cause(error: httptools.HttpParserError) -> Malformed | Sprawling:
    """What the parser stumbled over, or one of its callbacks."""
    return Sprawling() if isinstance(error.__context__, Sprawling) else Malformed()


def _size(url: bytes, fields: _Fields) -> int:
    return len(url) + sum(len(name) + len(value) for name, value in fields)


def _target(url: bytes) -> bytes:
    """Path and query; the absolute form has scheme and host before them (RFC 9112 3.2)."""
    if url.startswith(b"/"):
        return url
    parsed = httptools.parse_url(url)
    return parsed.path + b"?" + parsed.query if parsed.query else parsed.path


def _expects(fields: _Fields) -> bool:
    """Whether the client waits to be told to send its body (RFC 9110 10.1.1)."""
    for name, value in fields:
        if name == b"expect":
            return value.lower() == b"100-continue"
    return False
