"""What a file is, by its first bytes: a MIME type (SPEC 9).

The bytes decide. A name helps only where they leave several open: text, which has no mark of its
own, and the archives that office files are. The table is ours, so that every host answers alike.
"""

from collections.abc import Sequence

import msgspec

from ductape.domain.jsonvalue import UNREADABLE

SNIFFED_BYTES = 512
"""How much of a file is looked at."""

UNKNOWN = "application/octet-stream"

_MARKS: Sequence[tuple[int, bytes, str]] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/x-icon"),
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypheix", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (8, b"AVI ", "video/x-msvideo"),
    (8, b"WAVE", "audio/wav"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"%!PS", "application/postscript"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\x00asm", "application/wasm"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff2"),
    (0, b"\x00\x01\x00\x00\x00", "font/ttf"),
    (0, b"OTTO", "font/otf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"BM", "image/bmp"),
)
"""Offset, bytes, type; the first that fits."""

_SHORT = frozenset({b"BM", b"MZ", b"ID3"})
"""Marks that a plain text may begin with."""

_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")
_RIFF = frozenset({"image/webp", "video/x-msvideo", "audio/wav"})

_TEXT_MARKS: Sequence[tuple[bytes, str]] = (
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
    (b"<svg", "image/svg+xml"),
    (b"<?xml", "application/xml"),
)

_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
_BY_NAME: dict[str, dict[str, str]] = {
    "application/zip": {
        "docx": f"{_OFFICE}.wordprocessingml.document",
        "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
        "pptx": f"{_OFFICE}.presentationml.presentation",
        "odt": f"{_OPEN}.text",
        "ods": f"{_OPEN}.spreadsheet",
        "odp": f"{_OPEN}.presentation",
        "epub": "application/epub+zip",
        "jar": "application/java-archive",
    },
    "application/x-ole-storage": {
        "doc": "application/msword",
        "xls": "application/vnd.ms-excel",
        "ppt": "application/vnd.ms-powerpoint",
        "msg": "application/vnd.ms-outlook",
    },
    "video/webm": {"mkv": "video/x-matroska"},
    "application/xml": {"svg": "image/svg+xml", "rss": "application/rss+xml"},
    "text/plain": {
        "csv": "text/csv",
        "tsv": "text/tab-separated-values",
        "json": "application/json",
        "ndjson": "application/x-ndjson",
        "jsonl": "application/x-ndjson",
        "md": "text/markdown",
        "html": "text/html",
        "htm": "text/html",
        "css": "text/css",
        "js": "text/javascript",
        "mjs": "text/javascript",
        "xml": "application/xml",
        "svg": "image/svg+xml",
        "yaml": "application/yaml",
        "yml": "application/yaml",
        "toml": "application/toml",
        "ics": "text/calendar",
        "vcf": "text/vcard",
        "eml": "message/rfc822",
    },
}
"""What a type may be more exactly, by the ending of the name."""


def guess_mime(head: bytes, name: str) -> str:
    r"""Return the type of a file by its first bytes, and by its name where these leave it open.

    >>> guess_mime(b"\x89PNG\r\n\x1a\n", "a.txt"), guess_mime(b"a;b\n", "sales.CSV")
    ('image/png', 'text/csv')
    >>> guess_mime(b"", "a.png"), guess_mime(b"\x00\x01\x02", "a.png")
    ('application/octet-stream', 'application/octet-stream')
    """
    kind = _marked(head) or _text(head) or UNKNOWN
    ending = name.rpartition("/")[2].rpartition(".")[2].lower()
    return _BY_NAME.get(kind, {}).get(ending, kind)


def _marked(head: bytes) -> str | None:
    for offset, mark, kind in _MARKS:
        if not head.startswith(mark, offset) or (mark in _SHORT and _text(head)):
            continue
        if kind not in _RIFF or head.startswith(b"RIFF"):
            return kind
    return None


def _text(head: bytes) -> str | None:
    """Tell which text it is; none where it is not text in UTF-8 (its last character may be cut)."""
    if not head or _CONTROLS.intersection(head):
        return None
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or len(head) < SNIFFED_BYTES:
            return None
    opening = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    found = next((kind for mark, kind in _TEXT_MARKS if opening.startswith(mark)), None)
    if found is None and opening.startswith((b"{", b"[")) and _is_json(opening):
        return "application/json"
    return found or "text/plain"


def _is_json(text: bytes) -> bool:
    """Tell whether a short text is JSON; a longer one is known by its name."""
    try:
        msgspec.json.decode(text)
    except UNREADABLE:
        return False
    return True
