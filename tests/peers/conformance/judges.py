"""The judges: one row each. A new one is a file with a function, and a row here.

Source: DESIGN section 10, `ours`; the judges are other people's, each pinned.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tests.peers.conformance.mcp_servers import (
    everything_http,
    everything_stdio,
    modern_http,
    modern_stdio,
)
from tests.peers.conformance.mcp_suite import mcp_client, mcp_client_of_2025
from tests.peers.conformance.rest_fuzz import schemathesis
from tests.peers.conformance.score import Judge
from tests.peers.conformance.sdk import a2a_sdk
from tests.peers.conformance.testbed import a2a_testbed

JUDGES: Final[Mapping[str, Judge]] = MappingProxyType(
    {
        "a2a-testbed": a2a_testbed,
        "a2a-sdk": a2a_sdk,
        "schemathesis": schemathesis,
        "typescript-sdk-http": modern_http,
        "typescript-sdk-stdio": modern_stdio,
        "server-everything-http": everything_http,
        "server-everything-stdio": everything_stdio,
        "mcp-client-2026-07-28": mcp_client,
        "mcp-client-2025-11-25": mcp_client_of_2025,
    }
)
"""By the name in the line `SCORE <name>: <passed>/<total>`."""
