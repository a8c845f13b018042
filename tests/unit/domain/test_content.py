"""What a file is by its first bytes."""

import gzip
import io
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.files.mime import SNIFFED_BYTES, guess_mime


def archive() -> bytes:
    """Make a zip file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("a"), "x")
    return made.getvalue()


def tar() -> bytes:
    """Make a tar file."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tarred:
        tarred.addfile(tarfile.TarInfo("a"))
    return made.getvalue()


@pytest.mark.parametrize(
    ("head", "name", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n....", "photo.jpg", "image/png"),
        (b"\xff\xd8\xff\xe0....JFIF", "a", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "a", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "a", "audio/wav"),
        (b"%PDF-1.7\n", "a", "application/pdf"),
        (gzip.compress(b"x", mtime=0), "a.txt", "application/gzip"),
        (archive(), "a.zip", "application/zip"),
        (
            archive(),
            "Bericht.DOCX",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (tar(), "a.png", "application/x-tar"),
        (b"\x00\x00\x00\x18ftypmp42", "a", "video/mp4"),
        (b"BMW is a maker of cars", "a.txt", "text/plain"),
        (b"BM\x8a\x00\x00\x00\x00\x00", "a", "image/bmp"),
        (b"MZ\x90\x00\x03", "a", "application/vnd.microsoft.portable-executable"),
        (b"hello", "a", "text/plain"),
        (b"a;b\n1;2\n", "a.csv", "text/csv"),
        (b'{"a": 1}', "a", "application/json"),
        (b"[section]\nkey = 1\n", "a.toml", "application/toml"),
        (b"<!DOCTYPE html><p>", "a", "text/html"),
        (b'<?xml version="1.0"?><a/>', "a", "application/xml"),
        (b'<?xml version="1.0"?><svg/>', "a.svg", "image/svg+xml"),
        ("größer".encode(), "a", "text/plain"),
        ("größer".encode("latin-1"), "a.txt", "application/octet-stream"),
        ("é".encode() * 256 + b"x", "a", "text/plain"),
        (("x" + "é" * 256).encode()[:SNIFFED_BYTES], "a", "text/plain"),
        (b"", "a.png", "application/octet-stream"),
        (b"\x00\x01", "a.png", "application/octet-stream"),
    ],
)
def test_the_bytes_decide(head: bytes, name: str, mime: str) -> None:
    assert guess_mime(head[:SNIFFED_BYTES], name) == mime


@given(st.binary(max_size=SNIFFED_BYTES), st.text(max_size=20))
def test_any_bytes_have_a_type(head: bytes, name: str) -> None:
    assert "/" in guess_mime(head, name)
