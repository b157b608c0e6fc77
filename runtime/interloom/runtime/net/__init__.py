"""HTTP towards others: bounded in time and size, whatever library is behind it.

port        what every adapter promises
pooled      the adapter for the data plane, with pooled connections
"""

from __future__ import annotations
