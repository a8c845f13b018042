"""Unpacks compressed answers piece by piece, so that whoever counts what comes out can stop.

By RFC 9110: codings are named in the order in which they were applied. An answer whose end is
missing is cut off: what has come is never taken for the whole.
"""

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from ductape.errors import ProviderError

ACCEPTED = "gzip, deflate"
"""What is asked for."""

_GZIP = frozenset({"gzip", "x-gzip"})
_DEFLATE = frozenset({"deflate"})
_UNKNOWN = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})
"""Codings that nobody asked for. Any other word is a server's mistake (`utf-8`, `none`)."""
_PIECE = 65_536
_GZIPPED, _ZLIB, _RAW = 31, 15, -15
"""How zlib is told what is round the compressed bytes."""
_MEMBER = b"\x1f\x8b"
_METHOD, _DEFLATED = 0x0F, 8


class _Machine(Protocol):
    """What `zlib.decompressobj` makes."""

    @property
    def unused_data(self) -> bytes:
        """Return what came behind the end."""
        ...

    @property
    def unconsumed_tail(self) -> bytes:
        """Return what there was no room for."""
        ...

    @property
    def eof(self) -> bool:
        """Tell whether the end has come."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return the next piece, of at most that length."""
        ...


def codings_of(header: str) -> list[str]:
    """Return what has to be undone, first things first.

    >>> codings_of("deflate, GZIP"), codings_of("identity"), codings_of("utf-8")
    (['gzip', 'deflate'], [], [])
    """
    named = [one.strip().lower() for one in header.split(",")]
    return [one for one in reversed(named) if one in _GZIP | _DEFLATE | _UNKNOWN]


def unpacked(chunks: AsyncIterator[bytes], codings: list[str], whose: str) -> AsyncIterator[bytes]:
    """Undo codings; `whose` names the server in errors.

    Raises `ProviderError` while it is read: for a coding that nobody asked for, for bytes that
    cannot be unpacked, and for an end that is missing.
    """
    for coding in codings:
        chunks = _undone(chunks, coding, whose)
    return chunks


async def _undone(chunks: AsyncIterator[bytes], coding: str, whose: str) -> AsyncIterator[bytes]:
    machine, ended = None, False
    async for chunk in chunks:
        left = chunk
        while left and not (ended and machine is None and not _goes_on(left, coding)):
            machine = machine or _machine(left, coding, whose)
            try:
                for piece in _inflated(machine, left):
                    yield piece
            except zlib.error as error:
                text = f"{whose} answered with what cannot be unpacked as {coding}"
                raise ProviderError("PROVIDER_ERROR", text) from error
            left = machine.unused_data
            if machine.eof:
                machine, ended = None, True
    if machine is not None:
        raise ProviderError("CONNECTION_ERROR", f"{whose} broke off in the middle of {coding}")


def _goes_on(left: bytes, coding: str) -> bool:
    """Tell whether what follows an end is one more member; anything else there is filling."""
    return coding in _GZIP and _MEMBER.startswith(left[: len(_MEMBER)])


def _inflated(machine: _Machine, packed: bytes) -> Iterator[bytes]:
    piece = machine.decompress(packed, _PIECE)
    while piece and not machine.eof:
        yield piece
        piece = machine.decompress(machine.unconsumed_tail, _PIECE)
    yield piece


def _machine(begun: bytes, coding: str, whose: str) -> _Machine:
    if coding in _UNKNOWN:
        text = f"{whose} answered in {coding}, which it was not asked for"
        raise ProviderError("PROVIDER_ERROR", text, hint=f"`Accept-Encoding` was {ACCEPTED}")
    if coding in _GZIP:
        return zlib.decompressobj(_GZIPPED)
    # Half the world reads RFC 9110 and wraps it as zlib does, the other half does not.
    return zlib.decompressobj(_ZLIB if begun[0] & _METHOD == _DEFLATED else _RAW)
