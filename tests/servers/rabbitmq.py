"""A real RabbitMQ on a free port of loopback, all that it writes in a folder; from apt.

It registers with a name server of Erlang's, `epmd`, which would stay behind: this one has its own,
on a port of its own, ended with it.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.programs import free_port

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
STARTS_WITHIN_S = 60


def program() -> Path | None:
    """Return where the system has it; none where it has not."""
    return PROGRAM if PROGRAM.exists() and shutil.which("epmd") is not None else None


@contextmanager
def rabbitmq(folder: Path) -> Iterator[str]:
    """Run one, and give its URL."""
    port, names, distribution = free_port(), free_port(), free_port()
    epmd = _run(["epmd", "-port", str(names), "-address", "127.0.0.1"], os.environ.copy())
    settings = folder / "rabbitmq.conf"
    settings.write_text("loopback_users.guest = false\nlog.file = false\n")
    env = {
        **os.environ,
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(names),
        "RABBITMQ_NODENAME": f"ductape{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(settings.with_suffix("")),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }
    server = _run([str(PROGRAM)], env)
    try:
        _until_answering(server, port)
        yield f"amqp://127.0.0.1:{port}"
    finally:
        _end(server)
        _end(epmd)


def _run(words: list[str], env: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Run a program in a session of its own, so that what it starts ends with it."""
    return subprocess.Popen(  # noqa: S603 (the system's programs)
        words,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _until_answering(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Wait until the server greets: a protocol header that is none is answered by its own."""
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        assert process.poll() is None, "RabbitMQ ended at once"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as made:
                made.sendall(b"AMQP\x00\x00\x00\x00")
                if made.recv(4) == b"AMQP":
                    return
        except OSError:
            pass
        time.sleep(0.1)  # A port that opens tells nobody.
    raise AssertionError("RabbitMQ does not answer")
