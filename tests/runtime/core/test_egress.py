"""Where we do not connect to on somebody else's word.

Source: A2A 13.2; the IANA special-purpose address registries; RFC 4291, RFC 6052.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interloom.runtime.core.egress import MAX_URL, Egress, Target, special
from interloom.runtime.errors import BadConfig, Refused

STRICT = Egress()

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "168.63.129.15",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.167.255.255",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
SPECIAL = {
    "0.0.0.0": "of this network",  # noqa: S104 - nothing is bound
    "0.255.255.255": "of this network",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "100.64.0.1": "shared by a provider's customers",
    "100.100.100.200": "shared by a provider's customers",  # a metadata service
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "a cloud's own service",
    "169.254.169.254": "link-local",  # the metadata service
    "169.254.170.2": "link-local",  # credentials of a container
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "reserved for protocols",  # a metadata service
    "192.0.2.1": "for documentation",
    "192.88.99.1": "a 6to4 relay",
    "192.168.1.1": "private",
    "198.18.0.1": "for benchmarks",
    "198.19.255.255": "for benchmarks",
    "198.51.100.7": "for documentation",
    "203.0.113.7": "for documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "not public",
    "::1": "loopback",
    "::127.0.0.1": "not public",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:10.0.0.1": "private",
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "link-local",
    "64:ff9b:1::a00:1": "not public",
    "100::1": "not public",
    "2001::1": "reserved for protocols",  # Teredo
    "2001:2::1": "reserved for protocols",
    "2001:10::1": "reserved for protocols",
    "2001:db8::1": "for documentation",
    "2002:7f00:1::": "6to4",
    "2002:a9fe:a9fe::1": "6to4",
    "3fff::1": "for documentation",
    "5f00::1": "not public",
    "fc00::1": "not public",
    "fd00:ec2::254": "not public",  # a metadata service
    "fd20:ce::254": "not public",  # a metadata service
    "fe80::1": "not public",
    "fe80::1%eth0": "not public",
    "fec0::1": "not public",
    "ff02::1": "not public",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_let_through(address: str) -> None:
    assert special(ip_address(address)) == ""
    STRICT.check("any.example", ip_address(address))


@pytest.mark.parametrize(("address", "kind"), SPECIAL.items())
def test_special_address_is_refused_whatever_name_led_to_it(address: str, kind: str) -> None:
    assert special(ip_address(address)) == kind
    with pytest.raises(Refused, match=f"must not lead to an address that is {kind}"):
        STRICT.check("any.example", ip_address(address))


@given(st.ip_addresses(v=4))
def test_nothing_that_python_calls_private_gets_through(address: IPv4Address) -> None:
    """Two tables that were written by different people agree where both have an opinion."""
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert special(address)
        assert special(IPv6Address(f"::ffff:{address}"))
        assert special(IPv6Address(int(IPv6Address("64:ff9b::")) + int(address)))


@given(st.ip_addresses(v=6))
def test_nothing_outside_of_global_unicast_gets_through(address: IPv6Address) -> None:
    if int(address) >> 125 != 1 and address.ipv4_mapped is None and int(address) >> 96 != 0x64FF9B:
        assert special(address) or int(address) >> 32 == 0x64FF9B << 64


GOOD = {
    "https://hooks.example/a?b=c": Target("hooks.example", 443, None),
    "HTTPS://Hooks.Example:8443/": Target("hooks.example", 8443, None),
    "https://xn--bcher-kva.example/": Target("xn--bcher-kva.example", 443, None),
    "https://hooks.example./": Target("hooks.example.", 443, None),
    "https://8.8.8.8:1024/": Target("8.8.8.8", 1024, IPv4Address("8.8.8.8")),
    "https://[2606:4700::1111]/": Target("2606:4700::1111", 443, IPv6Address("2606:4700::1111")),
}


@pytest.mark.parametrize(("url", "target"), GOOD.items())
def test_url_says_where_it_leads(url: str, target: Target) -> None:
    assert STRICT.target(url) == target


def test_place_is_shown_without_path_and_query() -> None:
    assert STRICT.target("https://hooks.example/secret?key=1").origin == "hooks.example:443"
    assert STRICT.target("https://[2606:4700::1111]/s").origin == "[2606:4700::1111]:443"


HOSTILE = {
    "": "characters of a URL",
    "hooks.example": "absolute https",
    "//hooks.example/": "absolute https",
    "https:hooks.example": "absolute https",
    "https:///hooks.example": "absolute https",
    "https://": "absolute https",
    "http://hooks.example/": "must be an https:// URL",
    "ftp://hooks.example/": "absolute https",
    "file:///etc/passwd": "absolute https",
    "gopher://hooks.example:70/_": "absolute https",
    "javascript:alert(1)": "absolute https",
    "data:text/plain,x": "absolute https",
    "unix:///var/run/docker.sock": "absolute https",
    "https://user@hooks.example/": "user or a password",
    "https://user:secret@hooks.example/": "user or a password",
    "https://8.8.8.8@127.0.0.1/": "user or a password",
    "https://hooks.example/#fragment": "fragment",
    "https://hooks.example#@127.0.0.1/": "fragment",
    "https://hooks.example\\@127.0.0.1/": "characters of a URL",
    "https://hooks.example/\r\nHost: x": "characters of a URL",
    "https://hooks.example/ x": "characters of a URL",
    "https://hooks.example/\0": "characters of a URL",
    "https://b\u00fccher.example/": "characters of a URL",
    "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/": "characters of a URL",
    "https://127\u30020\u30020\u30021/": "characters of a URL",
    "https://hooks.example:0/": "port that there is",
    "https://hooks.example:65536/": "must be a URL",
    "https://hooks.example:x/": "must be a URL",
    "https://hooks.example:22/": "port 443",
    "https://hooks.example:25/": "port 443",
    "https://hooks.example:80/": "port 443",
    "https://127.0.0.1/": "loopback",
    "https://127.0.0.1:8443/": "loopback",
    "https://169.254.169.254/latest/meta-data/": "link-local",
    "https://[::1]/": "loopback",
    "https://[::ffff:127.0.0.1]/": "loopback",
    "https://[::ffff:7f00:1]/": "loopback",
    "https://[64:ff9b::7f00:1]/": "loopback",
    "https://[fe80::1%25eth0]/": "network interface|must be a URL|letters",
    "https://[::1/": "must be a URL",
    "https://2130706433/": "letters",
    "https://0x7f000001/": "letters",
    "https://0x7f.1/": "letters",
    "https://0177.0.0.1/": "letters",
    "https://127.1/": "letters",
    "https://127.0.1/": "letters",
    "https://127.0.0.1./": "letters",
    "https://0/": "letters",
    "https://0x/": "letters",
    "https://hooks.0x7f/": "letters",
    "https://256.256.256.256/": "letters",
    "https://127%2e0%2e0%2e1/": "letters",
    "https://hooks..example/": "letters",
    "https://.hooks.example/": "letters",
    "https://-hooks.example/": "letters",
    "https://hooks.example;x/": "letters",
    "https://[v1.x]/": "must be a URL|letters",
    f"https://{'a' * 64}.example/": "letters",
    f"https://{'a.' * 127}example/": "letters",
    "https://hooks.example/" + "a" * MAX_URL: "longer than",
}


@pytest.mark.parametrize(("url", "rule"), HOSTILE.items())
def test_url_that_could_lead_inwards_is_refused(url: str, rule: str) -> None:
    with pytest.raises(Refused, match=rule) as caught:
        STRICT.target(url)
    assert "hooks" not in str(caught.value)


@given(st.text(max_size=60).map(lambda rest: f"https://{rest}"))
def test_any_text_is_a_target_or_refused(url: str) -> None:
    try:
        found = STRICT.target(url)
    except Refused:
        return
    assert found.host
    assert found.address is None or not special(found.address)


ALLOWED = Egress.of(["Hooks.internal", "127.0.0.0/8", "10.1.2.3", "fd00::/8", "::1"])


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.internal/",
        "http://HOOKS.internal:81/",
        "https://hooks.internal:25/",
        "http://127.0.0.1:9999/hook",
        "http://[::1]:80/",
        "http://10.1.2.3/",
        "http://[::ffff:10.1.2.3]/",
        "https://[fd00::7]/",
        "https://elsewhere.example/",
    ],
)
def test_what_the_allow_list_names_may_be_reached_without_tls(url: str) -> None:
    ALLOWED.target(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example/",
        "http://sub.hooks.internal/",
        "http://10.1.2.4/",
        "https://10.1.2.4/",
        "https://169.254.169.254/",
    ],
)
def test_allow_list_lets_nothing_else_in(url: str) -> None:
    with pytest.raises(Refused):
        ALLOWED.target(url)


@pytest.mark.parametrize(
    ("host", "address", "is_let"),
    [
        ("hooks.internal", "10.9.9.9", True),
        ("hooks.internal", "169.254.169.254", True),
        ("any.example", "127.0.0.9", True),
        ("any.example", "::1", True),
        ("any.example", "::ffff:127.0.0.9", True),
        ("any.example", "10.9.9.9", False),
        ("any.example", "fe80::1", False),
    ],
)
def test_addresses_of_a_name_are_held_against_the_allow_list(
    host: str, address: str, is_let: bool
) -> None:
    if is_let:
        ALLOWED.check(host, ip_address(address))
    else:
        with pytest.raises(Refused):
            ALLOWED.check(host, ip_address(address))


@pytest.mark.parametrize("entry", ["", "*.example", "http://a.example", "10.0.0.1/8", "a b", "1.2"])
def test_allow_list_that_cannot_be_read_is_refused(entry: str) -> None:
    with pytest.raises(BadConfig, match="no host name, address or network"):
        Egress.of([entry])
