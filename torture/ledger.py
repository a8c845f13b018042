"""What really happened, written outside the product: a file for each process, a line for each fact.

A line is written by one `write` to a file opened for appending, so that a killed process leaves
whole lines. Instants (`at_ns`) are nanoseconds by this machine's right clock, whatever clock the
process believes in.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

right_ns = time.time_ns
"""Kept before a process is given a wrong clock."""


class Asked(Struct, frozen=True, tag=True):
    """The dispatcher had a receipt, or none and must not ask again: then nobody knows."""

    n: int
    """The request's own number: its input carries it."""
    event: str
    job: str | None
    recurs: int = 0
    """The period of a recurring job in ms; 0 for a one-off one."""
    limit: int = 0
    due_ms: int = 0
    """Before which it must not begin."""
    once: bool = False
    """Whether `onLost` is `fail`."""
    group: str = ""
    """Its concurrency key."""


class Told(Struct, frozen=True, tag=True):
    """A caller who waited was told a result, or an error's code."""

    job: str
    result: str | None
    code: str | None


class Began(Struct, frozen=True, tag=True):
    """A handler was called."""

    token: str
    """Of this one call: what it returns, or raises with."""
    n: int
    job: str
    run: int
    attempt: int
    pid: int
    at_ns: int


class Ended(Struct, frozen=True, tag=True):
    """A handler came to its end."""

    token: str
    raised: bool
    at_ns: int


Line = Asked | Told | Began | Ended

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


class Ledger:
    """Appends to this process's file."""

    def __init__(self, folder: Path) -> None:
        """Begin a file named after the process."""
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY
        self._file = os.open(folder / f"{os.getpid()}.jsonl", flags, 0o600)
        self._calls = 0

    def write(self, line: Line) -> None:
        """Write one line at once."""
        os.write(self._file, _encode(line) + b"\n")

    def began(self, n: int, job: str, run: int, attempt: int) -> str:
        """Write that a handler was called; return the call's token."""
        self._calls += 1
        pid = os.getpid()
        token = f"{pid}-{self._calls}"
        self.write(Began(token, n, job, run, attempt, pid, right_ns()))
        return token

    def ended(self, token: str, *, raised: bool) -> None:
        """Write that a handler is about to return or to raise."""
        self.write(Ended(token, raised, right_ns()))


def lines(folder: Path) -> Iterator[Line]:
    """Read every process's file; a line that a kill cut short is left out."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield _decode(line)
