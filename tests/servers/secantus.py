"""A server that speaks MongoDB's protocol: SecantusDB, over the same storage engine. Not a mongod.

It runs in a process of its own on a free port of loopback, with or without TLS, and with or without
users.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.servers.postgres import free_port, servers_folder

PASSWORD = "p@ss/w:rd"
PROGRAM = """
import signal
from secantus.cli import main
from secantus.server import SecantusDBServer
SecantusDBServer.wait = lambda server: signal.pause()
main()
"""
"""The packaged program, but for what its main thread waits by: a lock that ending it takes too."""


class Secantus:
    """A running server."""

    def __init__(self, folder: Path, words: tuple[str, ...]) -> None:
        """Start it at once."""
        self._log = folder / "log"
        self._words = (f"--storage-path={folder / 'data'}", *words)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        """The URL of the server, less a database."""
        return f"mongodb://127.0.0.1:{self.port}"

    def start(self, *words: str) -> None:
        """Start it, and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (the packaged server)
                [sys.executable, "-c", PROGRAM, f"--port={self.port}", *self._words, *words],
                stdout=log,
                stderr=log,
                cwd=self._log.parent,
            )
        plain = not any(word.startswith("--tls") for word in self._words)
        while plain and not self._answers():
            assert self._process.poll() is None, self._log.read_text()

    def stop(self) -> None:
        """Stop it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait()

    def _answers(self) -> bool:
        with MongoClient[dict[str, object]](self.url, serverSelectionTimeoutMS=200) as client:
            try:
                client.admin.command("ping")
            except PyMongoError:
                return False
            return True


@contextmanager
def secantus(*words: str) -> Iterator[Secantus]:
    """Run a server with these options of its own."""
    with servers_folder("dt-mongo-") as folder:
        server = Secantus(folder, ("--cache-size=64M", *words))
        server.start()
        try:
            yield server
        finally:
            server.stop()
