"""Servers of older revisions: the `initialize` handshake, and sessions where they keep one.

Source: MCP 2025-11-25, which says what 2025-06-18 and 2025-03-26 leave out. A server behind this
package looks like one of 2026-07-28: a question it asks in the middle of a call is a round of the
call, its notifications are a subscription. `eras` is the only module that knows the package.

translate   requests and results of one era in the words of the other; pure
link        what carries the messages of a session
lines       a session over one stream of lines: stdio, memory
http        a session over Streamable HTTP as it was: POST, GET, DELETE, Last-Event-ID
posting     one HTTP request of a session, and what comes back
held        one call whose questions are held open on its connection
levels      what its server logs, and who wants to hear it
changes     who wants to hear of which change
session     the transport that speaks to such a server
"""
