"""SQS as moto has it: Amazon's protocol, answered by Python; it checks no signature."""

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

import boto3

from tests.servers.programs import free_port

STARTS_WITHIN_S = 60


@contextmanager
def mock_sqs() -> Iterator[str]:
    """Run it, and give its endpoint."""
    port = free_port()
    program = Path(sys.executable).with_name("moto_server")
    process = subprocess.Popen(  # noqa: S603 (the packaged program)
        [program, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_answering(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def client(endpoint: str) -> Any:  # noqa: ANN401 (untyped there)
    """Make a client of Amazon's own."""
    return boto3.session.Session().client(  # pyright: ignore[reportUnknownMemberType]
        "sqs",
        region_name="eu-west-1",
        endpoint_url=endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


async def make_queues(endpoint: str, after: str) -> None:
    """Make the queues of a test: in a cloud somebody owns them, so that we make none."""

    def make() -> None:
        made = client(endpoint)
        for name in ("orders", "orders-dead", "bare"):
            made.create_queue(QueueName=f"{name}{after}")
        made.close()

    await asyncio.to_thread(make)


def _until_answering(port: int) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/", timeout=5).close()
        except URLError:
            time.sleep(0.05)  # A port that opens tells nobody.
        else:
            return
    raise AssertionError("moto does not answer")
