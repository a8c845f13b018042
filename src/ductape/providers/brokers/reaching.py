"""Where a broker is: its URL read, its address resolved and checked before anybody connects.

What speaks plainly is given the very address that was checked. What speaks TLS is given the name:
the certificate must match it, so that an address that has changed meanwhile gains nothing.
"""

import socket
from asyncio import get_running_loop
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from ductape.domain.egress import Destination, EgressPolicy, refusal
from ductape.errors import ProviderError


class Reached(Struct, frozen=True):
    """A broker's URL, taken apart."""

    scheme: str
    host: str
    port: int
    username: str | None
    password: str | None
    path: str
    """Without its first slash."""

    def __repr__(self) -> str:
        """Keep the password out of every log and traceback."""
        return f"Reached({self.scheme}://{self.host}:{self.port})"


def read_url(url: str | None, port: int) -> Reached:
    """Read a URL, `port` being the usual one; raises `ProviderError`.

    >>> read_url("redis://:a%2Fb@cache/2", 6379).path
    '2'
    """
    scheme, sign, rest = (url or "").partition("://")
    given, at, place = rest.rpartition("@")
    username, _, password = given.partition(":")
    try:
        parts = urlsplit(f"//{place}")
        found = parts.port or port
    except ValueError as error:
        raise _unreadable() from error
    if not sign or not parts.hostname:
        raise _unreadable()
    return Reached(
        scheme=scheme,
        host=parts.hostname,
        port=found,
        username=unquote(username) or None if at else None,
        password=unquote(password) or None if at else None,
        path=parts.path.removeprefix("/"),
    )


def read_server(server: str) -> tuple[str, int]:
    """Read `host:port`; raises `ProviderError`."""
    host, _, port = server.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        raise ProviderError("VALIDATION_ERROR", "a broker's server is written `host:port`")
    return host.removeprefix("[").removesuffix("]"), int(port)


async def checked(policy: EgressPolicy, destination: Destination) -> str:
    """Return the first address of a destination; every one must be allowed.

    Raises `ProviderError` with `FORBIDDEN` or `CONNECTION_ERROR`.
    """
    where = f"{destination.host}:{destination.port}"
    try:
        found = await get_running_loop().getaddrinfo(
            destination.host, destination.port, type=socket.SOCK_STREAM
        )
    except OSError as error:
        raise ProviderError("CONNECTION_ERROR", f"cannot find {where}") from error
    addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
    for address in addresses:
        reason = refusal(policy, destination, address)
        if reason is not None:
            hint = "the operator allows networks in [egress] allow_private"
            raise ProviderError("FORBIDDEN", reason, hint=hint)
    return addresses[0]


def _unreadable() -> ProviderError:
    return ProviderError("VALIDATION_ERROR", "the broker's URL cannot be read")
