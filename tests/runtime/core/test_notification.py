"""What a push config may say, and what a post says of itself. Source: A2A 4.3; limits are ours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.core import notification
from interloom.runtime.core.trace import Trace
from interloom.runtime.errors import BadParams
from interloom.runtime.model import AuthenticationInfo, TaskPushNotificationConfig

AT = datetime(2026, 7, 28, 12, 0, 0, 999_000, UTC)
TRACE = Trace(f"00-{'a' * 32}-{'b' * 16}-01", "vendor=1")


def config(
    push_id: str = "p", proof: str = "", scheme: str = "", credentials: str = ""
) -> TaskPushNotificationConfig:
    """A config; with a scheme it has an `authentication`."""
    info = AuthenticationInfo(scheme=scheme, credentials=credentials) if scheme else None
    return TaskPushNotificationConfig(
        id=push_id, url="https://hooks.example/", token=proof, authentication=info
    )


GOOD = [
    config(),
    config(""),
    config("a" * 128),
    config("!~/%"),
    config(proof="t"),
    config(proof="with inner space"),
    config(proof="t" * 4096),
    config(scheme="Bearer"),
    config(scheme="Basic", credentials="dXNlcjpwYXNz"),
    config(scheme="Digest", credentials='username="a", response="b"'),
]
BAD = {
    "id": [config("a" * 129), config("a b"), config("\n"), config("\u00e9")],
    "token": [
        config(proof=each)
        for each in (" t", "t ", "t\r\nX-Injected: 1", "t\0", "\u00e9", "\u2028", "t" * 4097)
    ],
    "authentication.scheme": [
        config(scheme=each) for each in ("Bea rer", "Bearer:", "B\u00e9arer", "\r\n", "B" * 65)
    ],
    "authentication.credentials": [
        config(scheme="Bearer", credentials=each)
        for each in (" c", "c\nX: 1", "\u00fc", "c" * 4097)
    ],
}


@pytest.mark.parametrize("given_config", GOOD, ids=repr)
def test_config_that_can_be_sent_passes(given_config: TaskPushNotificationConfig) -> None:
    notification.check(given_config)


@pytest.mark.parametrize(
    ("field", "broken"),
    [(field, each) for field, configs in BAD.items() for each in configs],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_config_that_no_header_can_carry_is_refused_by_field(
    field: str, broken: TaskPushNotificationConfig
) -> None:
    """A2A 3.3.2; nothing of the value is repeated, it may be a secret."""
    with pytest.raises(BadParams, match=f"^in.{field}: must be") as caught:
        notification.check(broken, within="in.")
    (violation,) = caught.value.violations
    assert violation.field == f"in.{field}"
    assert "Injected" not in str(caught.value)


def test_all_fields_that_break_a_rule_are_named() -> None:
    with pytest.raises(BadParams) as caught:
        notification.check(config("a b", "\n", ":", "\n"))
    assert [each.field for each in caught.value.violations] == list(BAD)


def test_head_says_what_the_specification_and_receivers_ask_for() -> None:
    sent = config(proof="tok", scheme="Basic", credentials="dXNlcjpwYXNz")
    name = notification.event_id("task-1", 7)
    assert notification.head(sent, event_id=name, at=AT, trace=TRACE) == {
        "Content-Type": "application/a2a+json",
        "A2A-Version": "1.0",
        "Webhook-Id": "task-1/7",
        "Webhook-Timestamp": "1785240000",
        "X-A2A-Notification-Token": "tok",
        "Authorization": "Basic dXNlcjpwYXNz",
        "traceparent": TRACE.traceparent,
        "tracestate": "vendor=1",
    }


@pytest.mark.parametrize("quiet", [config(), config(scheme="Bearer")])
def test_nothing_is_proven_without_credentials(quiet: TaskPushNotificationConfig) -> None:
    fields = notification.head(quiet, event_id="e", at=AT, trace=TRACE)
    assert fields.keys().isdisjoint({"Authorization", "X-A2A-Notification-Token"})


CONFIGS = {f"p{n:02}": b"%d" % n for n in range(10)}


@given(st.integers(1, 12))
def test_pages_meet_without_gap_or_overlap(size: int) -> None:
    """A2A 3.1.9."""
    token, seen = "", list[bytes]()
    while True:
        bodies, token = notification.page(CONFIGS, size=size, token=token)
        assert len(bodies) <= size
        seen += bodies
        if not token:
            break
    assert seen == list(CONFIGS.values())


def test_page_without_a_size_has_all_there_are() -> None:
    assert notification.page(CONFIGS, size=0, token="") == (list(CONFIGS.values()), "")
    nothing: list[bytes] = []
    assert notification.page({}, size=0, token="") == (nothing, "")


@pytest.mark.parametrize("size", [-1, 101, 2**31 - 1, -(2**31)])
def test_page_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(BadParams, match=r"^pageSize: must be 0 to 100"):
        notification.page(CONFIGS, size=size, token="")


@pytest.mark.parametrize("token", ["?", "====", "a", "w6k", "p 1", "\u00e9"])
def test_foreign_page_token_is_refused(token: str) -> None:
    with pytest.raises(BadParams, match=r"^pageToken: is not a token of this server"):
        notification.page(CONFIGS, size=1, token=token)


@given(st.text(max_size=20))
def test_any_page_token_is_read_or_refused(token: str) -> None:
    try:
        notification.page(CONFIGS, size=1, token=token)
    except BadParams:
        return
