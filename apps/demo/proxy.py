"""A plain round-robin proxy: each connection goes to the next replica that takes it.

It knows nothing of HTTP, of A2A or of who works on what: bytes go both ways until one side is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import ByteReceiveStream, ByteSendStream, SocketStream, TaskStatus

from demo.processes import HOST

_CONNECT_S: Final = 2.0
_GONE: Final = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


class RoundRobin:
    """Passes connections on to ports of this machine, in turn."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = tuple(ports)
        self._turns = count()

    async def serve(
        self, port: int, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED
    ) -> None:
        """Take connections on a loopback port until cancelled."""
        listener = await anyio.create_tcp_listener(local_host=HOST, local_port=port)
        async with listener:
            task_status.started()
            await listener.serve(self._pass_on)

    async def _pass_on(self, client: SocketStream) -> None:
        async with client:
            replica = await self._next()
            if replica is None:
                return  # all are down: the client sees its connection close
            async with replica, anyio.create_task_group() as both:

                async def pump(source: ByteReceiveStream, target: ByteSendStream) -> None:
                    try:
                        while True:
                            await target.send(await source.receive())
                    except _GONE:
                        both.cancel_scope.cancel()

                both.start_soon(pump, client, replica)
                both.start_soon(pump, replica, client)

    async def _next(self) -> SocketStream | None:
        """A connection to the next replica that is up."""
        for _ in self._ports:
            port = self._ports[next(self._turns) % len(self._ports)]
            try:
                with anyio.fail_after(_CONNECT_S):
                    return await anyio.connect_tcp(HOST, port)
            except (OSError, TimeoutError):
                continue
        return None
