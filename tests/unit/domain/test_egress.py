"""SPEC 16 and 18: the public internet is open, everything else takes two to say yes."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.egress import Destination, EgressPolicy, is_public, refusal, unwrapped
from ductape.errors import ConfigError

PRIVATE = [
    "0.0.0.0",  # noqa: S104 (an address to refuse, not to bind)
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:0:10.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


def asking(host: str = "partner.example", port: int = 443) -> Destination:
    return Destination(host, port, asks_private=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert refusal(EgressPolicy(), asking(), address) is not None


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "203.0.114.1", "2606:4700::1111", "64:ff9b::101:101", "2002:101:101::"]
)
def test_a_public_address_is_allowed_without_asking(address: str) -> None:
    destination = Destination("partner.example", 443, asks_private=False)
    assert refusal(EgressPolicy(), destination, address) is None


def test_an_allowed_network_is_reached_only_by_a_definition_that_asks() -> None:
    policy = EgressPolicy(allow_private=("10.0.0.0/8",))
    silent = Destination("intern.example", 443, asks_private=False)
    assert refusal(policy, asking(), "10.1.2.3") is None
    assert refusal(policy, asking(), "192.168.0.1") is not None
    assert "does not ask" in (refusal(policy, silent, "10.1.2.3") or "")


def test_an_allowed_host_and_port_covers_no_other_port() -> None:
    policy = EgressPolicy(allow_private=("Partner.Internal:8080",))
    assert refusal(policy, asking("partner.internal", 8080), "10.0.0.9") is None
    assert refusal(policy, asking("partner.internal", 22), "10.0.0.9") is not None


def test_granting_loopback_grants_nothing_else() -> None:
    policy = EgressPolicy(grant_loopback=True)
    assert refusal(policy, asking(), "127.0.0.1") is None
    assert refusal(policy, asking(), "::1") is None
    assert refusal(policy, asking(), "::ffff:127.0.0.1") is None
    assert refusal(policy, asking(), "10.0.0.1") is not None


def test_an_ipv4_network_covers_the_address_inside_an_ipv6_one() -> None:
    policy = EgressPolicy(allow_private=("10.0.0.0/8",))
    assert refusal(policy, asking(), "64:ff9b::a00:1") is None


@pytest.mark.parametrize("entry", ["10.0.0.0/40", "partner", "partner:", ":80", "partner:http"])
def test_an_entry_that_is_neither_network_nor_server_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError) as raised:
        EgressPolicy(allow_private=("10.0.0.0/8", entry))
    assert raised.value.path == "egress.allow_private[1]"


@given(st.ip_addresses(v=4))
def test_every_disguise_of_an_ipv4_address_is_judged_as_itself(address: IPv4Address) -> None:
    bits = int(address)
    disguises = [
        IPv6Address(bits | 0xFFFF << 32),
        IPv6Address(int(IPv6Address("64:ff9b::")) | bits),
        IPv6Address(0x2002 << 112 | bits << 80),
    ]
    assert {unwrapped(one) for one in disguises} == {address}
    assert {is_public(unwrapped(one)) for one in disguises} == {is_public(address)}


@given(st.ip_addresses())
def test_what_the_standard_library_calls_private_is_never_public(
    address: IPv4Address | IPv6Address,
) -> None:
    final = unwrapped(ip_address(str(address)))
    if final.is_private or final.is_multicast or final.is_link_local or final.is_loopback:
        assert not is_public(final)
