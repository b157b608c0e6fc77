"""`interloom run` with TLS and tokens on both its ports, in a process of its own.

Source: A2A 1.0.1 sections 7.1 (TLS on every binding), 7.4 (every request is authenticated).
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import grpc
import orjson
import pytest
import trustme

from interloom.protos import a2a_pb2 as pb
from tests.apps.test_run_grpc import BOUND_S, served

TOKEN: Final = "a-token-of-the-test"  # noqa: S105 - a test's own
SERVER: Final = f"{{tls: {{cert: cert.pem, key: key.pem}}, tokens: {{ada: {TOKEN}}}}}"


def certified(folder: Path) -> trustme.CA:
    """Put a certificate beside the configuration; the authority that vouches for it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    (folder / "cert.pem").write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
    (folder / "key.pem").write_bytes(issued.private_key_pem.bytes())
    return authority


def test_both_ports_speak_tls_to_callers_with_a_token(tmp_path: Path) -> None:
    authority = certified(tmp_path)
    trusted = authority.cert_pem.bytes()
    context = ssl.create_default_context(cadata=trusted.decode())

    def get(url: str, token: str) -> dict[str, Any]:
        request = Request(url, headers={"a2a-version": "1.0", "authorization": f"Bearer {token}"})  # noqa: S310 - https
        with urlopen(request, timeout=BOUND_S, context=context) as reply:  # noqa: S310 - https
            found: dict[str, Any] = orjson.loads(reply.read())
        return found

    with served(tmp_path, "--grpc-port", "0", server=SERVER) as (_, (over_grpc, over_https)):
        card = get(f"{over_https}/.well-known/agent-card.json", "")
        listed = get(f"{over_https}/tasks", TOKEN)
        with pytest.raises(HTTPError, match="401"):
            get(f"{over_https}/tasks", "another-token-of-the-test")
        address = over_grpc.removeprefix("grpc://")
        answers = [_list(address, trusted, token) for token in (TOKEN, "another")]

    assert over_https.startswith("https://")
    assert card["supportedInterfaces"][0]["url"] == f"{over_https}/a2a/echo"
    assert card["securityRequirements"] == [{"schemes": {"bearer": {}}}]
    assert listed["totalSize"] == 0
    assert answers == ["OK", "UNAUTHENTICATED"]


def _list(address: str, trusted: bytes, token: str) -> str:
    """The status of ListTasks over gRPC."""
    channel: Any = grpc.secure_channel(address, grpc.ssl_channel_credentials(trusted))
    metadata = (("a2a-version", "1.0"), ("authorization", f"Bearer {token}"))
    with channel:
        ask = channel.unary_unary("/lf.a2a.v1.A2AService/ListTasks")
        asked = ask.future(
            pb.ListTasksRequest(tenant="echo").SerializeToString(), BOUND_S, metadata
        )
        return str(asked.code().name)  # waits until there is one
