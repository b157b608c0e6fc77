"""Trace context is read as W3C says, and never repaired, widened or made up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.core.trace import MAX_BAGGAGE, MAX_TRACESTATE, Trace, read, root

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
KEYS = frozenset({"tenant", "tier"})

TAKEN = [
    (PARENT, PARENT),
    (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"),
    (f"00-{TRACE}-{SPAN}-03", f"00-{TRACE}-{SPAN}-03"),
    (f"00-{'0' * 31}1-{'0' * 15}1-ff", f"00-{'0' * 31}1-{'0' * 15}1-ff"),
    (f"01-{TRACE}-{SPAN}-01", PARENT),
    (f"cc-{TRACE}-{SPAN}-01", PARENT),
    (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", PARENT),
    (f"fe-{TRACE}-{SPAN}-01-", PARENT),
    (f"01-{TRACE}-{SPAN}-ff", PARENT),
    (f"01-{TRACE}-{SPAN}-fe", f"00-{TRACE}-{SPAN}-00"),
]
"""What arrives, and what is carried on."""

DROPPED: list[object] = [
    "",
    "00",
    None,
    7,
    [PARENT],
    PARENT.upper(),
    f"00-{TRACE.upper()}-{SPAN}-01",
    f"0A-{TRACE}-{SPAN}-01",
    f"ff-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"01-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-1",
    f"00-{TRACE}-{SPAN}-0x",
    f"00-{TRACE}-{SPAN}-01-",
    f"00-{TRACE}-{SPAN}-01-more",
    f"00-{TRACE}-{SPAN}-011",
    f"cc-{TRACE}-{SPAN}-01.more",
    f"cc-{TRACE}-{SPAN}-01more",
    f"cc-{TRACE}-{SPAN}-01-more\r\nx-evil: 1",
    f"00-{TRACE[:-1]}-{SPAN}-01",
    f"00-{TRACE}a-{SPAN}-01",
    f"00-{TRACE[:-1]}g-{SPAN}-01",
    f"00_{TRACE}_{SPAN}_01",
    f"00-{TRACE}-{SPAN}",
    f" {PARENT}",
    f"{PARENT} ",
    f"{PARENT}\n",
    f"{PARENT},{PARENT}",
    f"00-{TRACE[:-1]}\N{FULLWIDTH DIGIT ONE}-{SPAN}-01",
]


@pytest.mark.parametrize(("sent", "carried"), TAKEN)
def test_valid_parent_is_carried_on_as_version_00(sent: str, carried: str) -> None:
    """W3C Trace Context 3.2.2, 3.2.4: of a later version, what version 00 knows."""
    trace = read({"traceparent": sent})

    assert trace == Trace(carried)
    assert trace is not None
    assert trace.trace_id == carried.split("-")[1]


@pytest.mark.parametrize("sent", DROPPED)
def test_broken_parent_is_dropped_with_its_state(sent: object) -> None:
    """W3C Trace Context 3.2.2.2 to 3.2.2.5 and 3.3.3: begin anew, repair nothing."""
    assert read({"traceparent": sent, "tracestate": "a=1", "baggage": "tier=1"}) is None


def test_state_without_a_parent_means_nothing() -> None:
    """W3C Trace Context 3.3.3."""
    assert read({"tracestate": "a=1"}) is None
    assert read({}) is None


@pytest.mark.parametrize(
    ("sent", "carried"),
    [
        ("congo=t61rcWkgMzE,rojo=00f067", "congo=t61rcWkgMzE,rojo=00f067"),
        ("x" * MAX_TRACESTATE, "x" * MAX_TRACESTATE),
        ("x" * (MAX_TRACESTATE + 1), ""),
        ("a=1\r\nx-evil: 1", ""),
        ("a=\x001", ""),
        ("a=é", ""),
        (b"a=1", ""),
        (None, ""),
    ],
)
def test_state_is_carried_whole_or_not_at_all(sent: object, carried: str) -> None:
    """W3C Trace Context 3.3.1.5: entries are not ours to cut; nothing that could end a header."""
    assert read({"traceparent": PARENT, "tracestate": sent}) == Trace(PARENT, tracestate=carried)


@pytest.mark.parametrize(
    ("sent", "carried"),
    [
        ("tenant=a", "tenant=a"),
        ("tenant=a,secret=b,tier=c", "tenant=a,tier=c"),
        (" tenant = a ;p=1 , secret=b", "tenant = a ;p=1"),
        ("secret=tenant", ""),
        ("secret=1;tenant=2", ""),
        ("Tenant=a", ""),
        ("tenantx=a,xtenant=b", ""),
        (",,=,=a", ""),
        ("tenant=a\r\nx-evil: 1", ""),
        ("tenant=é", ""),
        (f"tenant={'a' * MAX_BAGGAGE}", ""),
        (["tenant=a"], ""),
    ],
)
def test_baggage_passes_only_on_the_allow_list(sent: object, carried: str) -> None:
    """DESIGN section 5: what a caller packs is not sent on to everybody we call."""
    trace = read({"traceparent": PARENT, "baggage": sent}, baggage_keys=KEYS)

    assert trace == Trace(PARENT, baggage=carried)


def test_no_baggage_passes_unless_somebody_allows_it() -> None:
    """DESIGN section 5: the list is empty at first."""
    assert read({"traceparent": PARENT, "baggage": "tenant=a"}) == Trace(PARENT)


def test_carrier_has_the_fields_that_say_something() -> None:
    """W3C Trace Context 3.2.1, W3C Baggage 3.1: lower-case names, none of them empty."""
    assert Trace(PARENT).carrier() == {"traceparent": PARENT}
    assert Trace(PARENT, "a=1", "tier=2").carrier() == {
        "traceparent": PARENT,
        "tracestate": "a=1",
        "baggage": "tier=2",
    }


def test_root_is_a_trace_others_can_read() -> None:
    """ours: without a caller's context a trace begins here, not sampled."""
    trace = root(TRACE)

    assert trace.trace_id == TRACE
    assert read(trace.carrier()) == trace
    assert trace.traceparent.endswith("-00")


@pytest.mark.parametrize(
    "seed", ["", "é", TRACE.upper(), TRACE[:-1], "0" * 32, "0" * 16 + SPAN, SPAN + "0" * 16]
)
def test_root_of_any_seed_is_valid_and_the_same_each_time(seed: str) -> None:
    """W3C Trace Context 3.2.2.3, 3.2.2.4: neither id may be all zeros."""
    trace = root(seed)

    assert read(trace.carrier()) == trace
    assert root(seed) == trace
    assert trace.trace_id != seed


@given(st.text(max_size=80) | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.*"))
def test_whatever_is_read_can_be_read_again(parent: str) -> None:
    """ours: a value that left us valid is valid to the next one."""
    trace = read({"traceparent": parent, "tracestate": "a=1"})

    assert trace is None or read(trace.carrier()) == trace
