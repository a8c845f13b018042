"""The last look at every address before a socket is opened to it (SPEC 18).

The check sits where the socket is made, after name resolution and for each candidate address, so
that neither an IP literal, nor a name with several addresses, nor one that changes between two
look-ups gets round it.
"""

import errno
import socket
import ssl
from asyncio import get_running_loop
from contextvars import ContextVar
from ipaddress import ip_address

from ductape.domain.egress import Destination, EgressPolicy, refusal
from ductape.errors import ProviderError
from ductape.providers.http.certificates import remedy_for

AddressInfo = tuple[int, int, int, str, tuple[object, ...]]
"""As `getaddrinfo` returns it: family, type, protocol, canonical name, socket address."""


class Guard:
    """Makes sockets for allowed addresses only.

    A refusal is a `PermissionError`, which connection code treats as one more address that
    cannot be reached and goes on to the next one.
    """

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy
        self._destination: ContextVar[Destination] = ContextVar("destination")

    def heading_for(self, destination: Destination) -> None:
        """Tell where the present task is about to connect."""
        self._destination.set(destination)

    def reason_against(self, destination: Destination, address: str) -> str | None:
        """Tell why a destination's address is refused; none if it is not."""
        return refusal(self._policy, destination, address)

    def socket_for(self, info: AddressInfo) -> socket.socket:
        """Return an unconnected socket; raises `PermissionError` for a refused address."""
        family, kind, protocol, _, address = info
        reason = refusal(self._policy, self._destination.get(), str(address[0]))
        if reason is not None:
            raise PermissionError(errno.EACCES, reason)
        return socket.socket(family, kind, protocol)


async def connect(guard: Guard, destination: Destination) -> socket.socket:
    """Return a connected socket to the first allowed address that answers.

    Raises `ProviderError`: `FORBIDDEN` where an address is refused and no other answers,
    `CONNECTION_ERROR` where none answers or the name is unknown.
    """
    guard.heading_for(destination)
    failure: OSError | None = None
    for info in await _resolved(destination):
        try:
            return await _connected(guard, info)
        except OSError as error:
            failure = failure if isinstance(failure, PermissionError) else error
    raise unreachable(destination, failure)


async def addresses(guard: Guard, destination: Destination) -> list[str]:
    """Return the addresses of a host that are allowed, for a library that connects by itself.

    It must be given these and not the name, which could lead elsewhere when it is looked up again.
    Raises `ProviderError` as `connect` does.
    """
    allowed: list[str] = []
    reasons: list[str] = []
    for info in await _resolved(destination):
        address = str(info[4][0])
        reason = guard.reason_against(destination, address)
        allowed += [] if reason else [address]
        reasons += [reason] if reason else []
    if not allowed:
        refused = PermissionError(errno.EACCES, reasons[0]) if reasons else None
        raise unreachable(destination, refused)
    return allowed


def unreachable(destination: Destination, failure: OSError | None) -> ProviderError:
    """Return the error for a destination that could not be connected to."""
    if isinstance(failure, PermissionError):
        return ProviderError(
            "FORBIDDEN",
            failure.strerror or f"{destination.host}:{destination.port} is refused",
            hint="the operator allows networks in [egress] allow_private",
        )
    where = f"{destination.host}:{destination.port}"
    reason = (failure.strerror if failure else None) or "no address answers"
    hint = remedy_for(failure) if isinstance(failure, ssl.SSLCertVerificationError) else None
    return ProviderError("CONNECTION_ERROR", f"cannot connect to {where}: {reason}", hint=hint)


async def _resolved(destination: Destination) -> list[AddressInfo]:
    host, port = destination.host, destination.port
    wanted = {"type": socket.SOCK_STREAM, "proto": socket.IPPROTO_TCP}
    try:
        if _is_address(host):  # told without looking anything up, and so without a thread
            found = socket.getaddrinfo(host, port, flags=socket.AI_NUMERICHOST, **wanted)
        else:
            found = await get_running_loop().getaddrinfo(host, port, **wanted)
    except OSError as error:
        raise unreachable(destination, error) from error
    return [(int(info[0]), int(info[1]), info[2], info[3], info[4]) for info in found]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def _connected(guard: Guard, info: AddressInfo) -> socket.socket:
    made = guard.socket_for(info)
    try:
        made.setblocking(False)
        await get_running_loop().sock_connect(made, info[4])
    except BaseException:
        made.close()
        raise
    return made
