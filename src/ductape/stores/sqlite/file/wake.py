"""Hints between the processes that share one SQLite file.

Each listening process has a datagram socket in the file's folder of them; telling sends a byte to
every socket there. A hint may be lost: once a second `PRAGMA data_version` is looked at as the
safety net, which sees every commit of another connection.
"""

import asyncio
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from ductape.ports.wake import Asker, Hint, Listener
from ductape.stores.sqlite.connection import Connection
from ductape.stores.sqlite.file.wake_folder import enter, leave

LOOK_EVERY_S = 1.0
TICK_S = 0.02
"""More than the coarsest clock of a file system that we take."""

_BYTES: dict[Hint, bytes] = {"work": b"w", "settled": b"s", "control": b"c", "products": b"p"}
_HINTS: dict[bytes, Hint] = {byte: hint for hint, byte in _BYTES.items()}


class SqliteWake:
    """Tells this process and its neighbours."""

    def __init__(self, path: str, watcher: Connection, *, token: str) -> None:
        """Make this process's socket; `watcher` is a connection of its own for the look."""
        self._loop = asyncio.get_running_loop()
        self._watcher = watcher
        self._listeners: list[Listener] = []
        self._askers: list[Asker] = []
        self._path, self._token = path, token
        self._own, self._socket = enter(path, token)
        self._loop.add_reader(self._socket, self._receive)
        self._seen = self._version()
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._look)
        self._pending: set[Hint] = set()
        self._closed = False
        self._listed: list[str] = []
        self._listed_s = self._settled_s = -1.0
        self._changed_ns = 0

    def tell(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        """Wake every listener of every live process of the store; called after a commit."""
        self._spread(hint, jobs)
        if not self._pending:
            self._loop.call_soon(self._send)
        self._pending.add(hint)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call back on the event loop for each hint; the answer ends the listening."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def expect(self, asker: Asker) -> Callable[[], None]:
        """Call back when this process is about to store work; the answer ends that."""
        self._askers.append(asker)
        return lambda: self._askers.remove(asker)

    def announce(self) -> bool:
        """Say that work is about to be stored here; tell whether somebody asks for it behind it."""
        return any(asker() for asker in self._askers)

    def close(self) -> None:
        """Take the socket away, and the folder with the last one; twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._timer.cancel()
        for neighbour in self._listed_now():
            self._send_to(neighbour, b"")  # who is gone without a word keeps no folder
        self._loop.remove_reader(self._socket)
        self._socket.close()
        leave(self._own)
        self._watcher.close()

    def _spread(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        for listener in list(self._listeners):
            listener(hint, jobs)

    def _send(self) -> None:
        """Send what was told in this turn of the loop, once for all of it."""
        if self._closed:
            return
        message = b"".join(_BYTES[hint] for hint in sorted(self._pending))
        self._pending.clear()
        for neighbour in self._neighbours():
            self._send_to(neighbour, message)

    def _neighbours(self) -> Sequence[str]:
        """List the other sockets; the folder is read again only when something came or went."""
        try:
            changed_ns, now_s = self._own.parent.stat().st_mtime_ns, self._loop.time()
        except FileNotFoundError:
            return ()  # somebody has cleared it away: `_stay` comes back
        if changed_ns != self._changed_ns:
            # It may change again within the same tick of the file system's clock.
            self._changed_ns, self._settled_s = changed_ns, now_s + TICK_S
        if self._listed_s <= self._settled_s:
            self._listed_s = now_s
            self._listed = self._listed_now()
        return self._listed

    def _listed_now(self) -> list[str]:
        try:
            with os.scandir(self._own.parent) as entries:
                return [one.path for one in entries if one.name != self._own.name]
        except FileNotFoundError:
            return []

    def _send_to(self, neighbour: str, message: bytes) -> None:
        try:
            self._socket.sendto(message, neighbour)
        except (ConnectionRefusedError, FileNotFoundError):
            Path(neighbour).unlink(missing_ok=True)  # its process is gone
        except BlockingIOError:
            return  # it has hints enough waiting

    def _receive(self) -> None:
        try:
            message = self._socket.recv(64)
        except BlockingIOError:
            return
        for byte in message:
            hint = _HINTS.get(bytes([byte]))
            if hint is not None:
                self._spread(hint)

    def _look(self) -> None:
        self._stay()
        version = self._version()
        if version != self._seen:
            self._seen = version
            for hint in _BYTES:
                self._spread(hint)
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._look)

    def _stay(self) -> None:
        """Come back where somebody has cleared the socket away, as cleaners of /tmp do."""
        if self._own.exists():
            return
        try:
            own, anew = enter(self._path, self._token)
        except OSError:
            return  # the database's own folder has gone too; looking goes on
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._own, self._socket = own, anew
        self._loop.add_reader(self._socket, self._receive)

    def _version(self) -> int:
        return int(self._watcher.execute("PRAGMA data_version").get)


class QuietWake:
    """Tells this process alone, for simulated time."""

    def __init__(self) -> None:
        """Begin with nobody listening."""
        self._listeners: list[Listener] = []

    def tell(self, hint: Hint, jobs: Collection[str] = ()) -> None:
        """Wake every listener."""
        for listener in list(self._listeners):
            listener(hint, jobs)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call back for each hint; the answer ends the listening."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def expect(self, asker: Asker) -> Callable[[], None]:  # noqa: ARG002 (the port's)
        """Take note of nobody: steps run where they are called, each in its own transaction."""
        return lambda: None

    def announce(self) -> bool:
        """Tell that nobody asks."""
        return False

    def close(self) -> None:
        """Nothing is held."""
