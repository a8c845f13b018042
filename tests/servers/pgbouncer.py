"""A real PgBouncer before a server: transaction mode, a free port of loopback, a folder of its own.

It refuses to run as root, so that root lends it the user that the server has too.
"""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.servers.postgres import free_port, lent_user, servers_folder

PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
MOST_SERVER_CONNECTIONS = 4
"""Fewer than one process of ours would have: they are shared, transaction by transaction."""

_SETTINGS = """
[databases]
* = host=127.0.0.1 port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {most}
max_client_conn = 200
logfile = {folder}/log
"""


class PgBouncer:
    """A running pooler."""

    def __init__(self, folder: Path, program: str, server_port: int) -> None:
        """Write down its settings; `start` starts it."""
        self._folder = folder
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        (folder / "users").write_text('"postgres" ""\n', encoding="utf-8")
        settings = _SETTINGS.format(
            server_port=server_port, port=self.port, folder=folder, most=MOST_SERVER_CONNECTIONS
        )
        (folder / "settings").write_text(settings, encoding="utf-8")

    @property
    def url(self) -> str:
        """The URL of the server's first database, by way of the pooler."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(  # noqa: S603 (the system's program)
            [self._program, "-q", self._folder / "settings"], cwd=self._folder, **lent_user()
        )
        while True:
            assert self._process.poll() is None, self.complaints()
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                continue
            return

    def stop(self) -> None:
        """Stop it at once: whoever is connected is cut off."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGTERM)
            process.wait()

    def complaints(self) -> str:
        """Return its log."""
        log = self._folder / "log"
        return log.read_text() if log.exists() else ""


def program() -> str | None:
    """Return where PgBouncer is installed, if it is."""
    return shutil.which("pgbouncer", path=PLACES)


@contextmanager
def pgbouncer(found: str, server_port: int) -> Iterator[PgBouncer]:
    """Run the program that was found before a server."""
    with servers_folder("dt-pgb-") as folder:
        pooler = PgBouncer(folder, found, server_port)
        pooler.start()
        try:
            yield pooler
        finally:
            pooler.stop()
