"""The same crash for us and for the cluster mode of the official SDK: `make chaos COMPARE=1`.

trial      one crash: two replicas on a store, a task on one, a subscriber at the other, SIGKILL
ours       the agent on Interloom
official   the same agent on a2a-sdk, as its documentation sets up several replicas
"""

from __future__ import annotations
