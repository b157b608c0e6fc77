"""HTTP towards others: bounded in time and size, whatever library is behind it.

port        what every adapter promises
guard       where may be connected to when a URL is somebody else's
pooled      the adapter for the data plane, with pooled connections
"""

from __future__ import annotations
