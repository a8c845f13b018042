"""A real MariaDB of one's own: on a free port of loopback, its data in a temporary folder.

Root lends it the user that servers have. Not MySQL itself, whose protocol and dialect it speaks.
"""

import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.postgres import free_port, lent_user, servers_folder

PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
NAMES = ("mariadbd", "mariadb-install-db", "mariadb")

WORKER = "app"
"""The database user whom tests connect as, with a password."""
PASSWORD = "p@ss/w:rd"
PASSWORD_IN_URL = "p%40ss%2Fw%3Ard"


class MariaDb:
    """A running server."""

    def __init__(self, folder: Path, found: Sequence[str], words: Sequence[str]) -> None:
        """Make its data folder; `start` starts it."""
        self._folder = folder
        self._server, installer, self._client = found
        self._words_of_its_own = words
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._socket = folder / "s"
        subprocess.run(  # noqa: S603 (the system's program)
            [
                installer,
                "--no-defaults",
                f"--datadir={folder / 'data'}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            **lent_user(),
        )

    @property
    def url(self) -> str:
        """The URL of the server, less a database."""
        return f"mariadb://{WORKER}:{PASSWORD_IN_URL}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers; on another port if its own was taken meanwhile."""
        process = self._run()
        while not self._answers():
            if process.poll() is not None:
                log = (self._folder / "log").read_text()
                assert "Address already in use" in log, log
                self.port = free_port()
                process = self._run()

    def _run(self) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (the system's program)
                [
                    self._server,
                    "--no-defaults",
                    f"--datadir={self._folder / 'data'}",
                    f"--socket={self._socket}",
                    "--bind-address=127.0.0.1",
                    f"--port={self.port}",
                    "--innodb-flush-log-at-trx-commit=0",
                    "--innodb-buffer-pool-size=32M",
                    "--character-set-server=utf8mb4",
                    *self._words_of_its_own,
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **lent_user(),
            )
        return self._process

    def stop(self, *, at_once: bool = False) -> None:
        """Stop it; `at_once` as a crash of its process would."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)
            process.wait()

    def sql(self, statement: str, database: str = "") -> list[tuple[object, ...]]:
        """Execute SQL as root; every cell is a text."""
        done = subprocess.run(  # noqa: S603 (the system's program)
            [*self._words(), "--batch", "--raw", "--skip-column-names", database or "mysql"],
            input=statement.encode(),
            check=True,
            capture_output=True,
        )
        return [tuple(line.split("\t")) for line in done.stdout.decode().splitlines()]

    def routine(self, database: str, statement: str) -> None:
        """Create what has semicolons inside."""
        self.sql(f"DELIMITER //\n{statement}//", database)

    def _answers(self) -> bool:
        asked = subprocess.run(  # noqa: S603 (the system's program)
            [*self._words(), "-e", "SELECT 1"], capture_output=True, check=False
        )
        return asked.returncode == 0

    def _words(self) -> list[str]:
        return [
            self._client,
            "--no-defaults",
            f"--socket={self._socket}",
            "-u",
            "root",
            "--default-character-set=utf8mb4",
        ]


def programs() -> list[str] | None:
    """Return where the server, its installer and its client are, if they are installed."""
    found = [shutil.which(name, path=PLACES) for name in NAMES]
    return None if None in found else [one for one in found if one]


@contextmanager
def mariadb(found: Sequence[str], *words: str) -> Iterator[MariaDb]:
    """Run a server with a user for tests, and with these options of its own."""
    with servers_folder("dt-maria-") as folder:
        server = MariaDb(folder, found, words)
        server.start()
        try:
            server.sql(f"CREATE USER {WORKER}@'%' IDENTIFIED BY '{PASSWORD}'")
            server.sql(f"GRANT ALL ON *.* TO {WORKER}@'%'")
            yield server
        finally:
            server.stop(at_once=True)
