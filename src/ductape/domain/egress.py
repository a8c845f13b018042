"""Which addresses outgoing connections may reach (SPEC 16 and 18).

The public internet is open. Everything else (private, loopback, link-local, shared, multicast,
reserved, unspecified) takes two to say yes: the definition asks (`allow_private: true`) and the
operator's policy names the network or the very host and port. The rule is applied to the final
address after name resolution, so that no name can be made to point inside.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from msgspec import Struct

from ductape.errors import ConfigError

_CLOSED_V4 = tuple(
    ip_network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_OPEN_V6 = ip_network("2000::/3")
_CLOSED_V6 = tuple(ip_network(block) for block in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_EMBEDDED_V4 = (
    (ip_network("::ffff:0:0/96"), 0),
    (ip_network("::ffff:0:0:0/96"), 0),
    (ip_network("64:ff9b::/96"), 0),
    (ip_network("2002::/16"), 80),
)
"""IPv6 blocks that carry an IPv4 address, and by how many bits it stands from the right."""

Address = IPv4Address | IPv6Address


class EgressPolicy(Struct, frozen=True):
    """What the operator lets definitions reach beyond the public internet."""

    allow_private: tuple[str, ...] = ()
    """CIDR blocks (`10.0.0.0/8`) and exact `host:port` pairs (`partner.internal:8080`)."""
    grant_loopback: bool = False
    """Whether this machine itself may be reached, as in the embedded default."""

    def __post_init__(self) -> None:
        """Refuse an entry that is neither; raises `ConfigError`."""
        for index, entry in enumerate(self.allow_private):
            if "/" in entry:
                _check_block(entry, index)
            elif _host_and_port(entry) is None:
                raise _bad_entry(entry, index)


class Destination(Struct, frozen=True):
    """Where a connection is about to go, as the definition names it."""

    host: str
    port: int
    asks_private: bool
    """The definition's `allow_private`."""


def refusal(policy: EgressPolicy, destination: Destination, address: str) -> str | None:
    """Tell why `address`, a name of `destination` already resolved, is refused; none if it is not.

    >>> local = Destination("localhost", 8080, asks_private=True)
    >>> refusal(EgressPolicy(grant_loopback=True), local, "127.0.0.1")
    >>> refusal(EgressPolicy(), local, "127.0.0.1")
    'localhost:8080 leads to a non-public address that the operator has not allowed'
    """
    final = unwrapped(ip_address(address))
    if is_public(final):
        return None
    where = f"{destination.host}:{destination.port} leads to a non-public address"
    if not _granted(policy, destination, final):
        return f"{where} that the operator has not allowed"
    if not destination.asks_private:
        return f"{where} and the definition does not ask for it with allow_private"
    return None


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside a mapped, translated, NAT64 or 6to4 one, else the same.

    >>> unwrapped(ip_address("64:ff9b::7f00:1"))
    IPv4Address('127.0.0.1')
    """
    if isinstance(address, IPv6Address):
        for block, shift in _EMBEDDED_V4:
            if address in block:
                return IPv4Address((int(address) >> shift) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Tell whether anybody on the internet could reach the address.

    >>> [is_public(ip_address(one)) for one in ("1.1.1.1", "100.64.0.1", "fe80::1", "2606:4700::1")]
    [True, False, False, True]
    """
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in block for block in _CLOSED_V6)


def _granted(policy: EgressPolicy, destination: Destination, address: Address) -> bool:
    if policy.grant_loopback and address.is_loopback:
        return True
    return any(_covers(entry, destination, address) for entry in policy.allow_private)


def _covers(entry: str, destination: Destination, address: Address) -> bool:
    if "/" in entry:
        return address in ip_network(entry, strict=False)
    return _host_and_port(entry) == (_bare(destination.host), destination.port)


def _check_block(entry: str, index: int) -> None:
    try:
        ip_network(entry, strict=False)
    except ValueError as error:
        raise _bad_entry(entry, index) from error


def _host_and_port(entry: str) -> tuple[str, int] | None:
    host, colon, port = entry.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()):
        return None
    return _bare(host), int(port)


def _bare(host: str) -> str:
    return host.removeprefix("[").removesuffix("]").removesuffix(".").lower()


def _bad_entry(entry: str, index: int) -> ConfigError:
    return ConfigError(
        f"egress.allow_private[{index}]: expected a CIDR block or host:port, found {entry!r}",
        path=f"egress.allow_private[{index}]",
        hint="write 10.0.0.0/8 for a network or partner.internal:8080 for one server",
    )
