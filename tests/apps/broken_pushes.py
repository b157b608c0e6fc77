"""Broken `push` and `retention` blocks of interloom.yaml and all that is said about each."""

from __future__ import annotations

from tests.apps.broken_configs import AGENT, Broken

PUSH = """push:
  allow: [hooks.internal, "not a host", 10.0.0.1/8]
  attempts: 0
  maxConfigs: true
  secret: hunter2-of-the-test
  signingkey: a.pem
"""

BROKEN_PUSHES = [
    Broken(
        "push",
        f"{AGENT}{PUSH}",
        (
            "4: push.allow[1]: is no host name, address or network like 10.1.0.0/16",
            "4: push.allow[2]: is no host name, address or network like 10.1.0.0/16",
            "5: push.attempts: must be at least 1",
            "6: push.maxConfigs: must be a number",
            "7: push.secret: must be 'whsec_' and the base64 of 24 to 64 random bytes",
            "8: push.signingkey: unknown key; did you mean 'signingKey'?",
        ),
    ),
    Broken(
        "retention",
        f"{AGENT}retention: {{finished: 30}}\n",
        ("3: retention.finished: must be a length of time like 90s, 45m, 12h or 30d",),
    ),
    Broken(
        "retention in no unit",
        f"{AGENT}retention: {{finished: 0d, done: 3w}}\n",
        (
            "3: retention.finished: must be a length of time like 90s, 45m, 12h or 30d",
            "3: retention.done: unknown key",
        ),
    ),
]
