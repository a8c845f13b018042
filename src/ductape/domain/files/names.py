"""What a stored file may be called: the same names in a folder and in every bucket (SPEC 9).

A name is a path of segments joined by `/`, below the storage's own prefix. Whatever could lead
out of it, mean something else to another system, or look like another name is refused: nothing
is cleaned up in silence, since two names must never become one.
"""

import re
import unicodedata
from collections.abc import Iterator

from ductape.domain.found import kind_of
from ductape.domain.jsonlimits import lone_surrogate
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import Fault, fault

LONGEST_NAME = 1_024
"""Bytes of a whole name in UTF-8, as S3 counts them."""
LONGEST_SEGMENT = 200
"""Bytes of one segment in UTF-8: file systems take 255, ours adds to it while it writes."""
OURS = ".ductape-"
"""What the names of unfinished files in a folder begin with."""

_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
_JOINERS = frozenset("\u200c\u200d")
"""Invisible, and needed: Persian, Hindi and many emoji are written with them."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_TRICKS = frozenset("/\\")


def name_faults(value: JsonValue, path: str) -> list[Fault]:
    """Tell what is wrong with a file's name; an empty list if nothing is.

    >>> name_faults("reports/2026/müller.pdf", "input.fileName")
    []
    >>> [one["found"] for one in name_faults("../../etc/passwd", "input.fileName")]
    ["the segment '..'"]
    """
    if not isinstance(value, str):
        return [fault(path, "the name of a file", kind_of(value))]
    found = next(_objections(value), None)
    if found is None:
        return []
    hint = "such as `reports/2026/may.pdf`"
    return [fault(path, found[0], found[1], hint=hint)]


def joined(prefix: str, name: str) -> str:
    """Return a file's whole name.

    >>> joined("clients/7", "a.txt"), joined("", "a.txt"), joined("clients/7", "")
    ('clients/7/a.txt', 'a.txt', 'clients/7')
    """
    return "/".join(part for part in (prefix, name) if part)


def _objections(name: str) -> Iterator[tuple[str, str]]:
    if not name:
        yield "the name of a file", "an empty text"
        return
    if lone_surrogate(name):
        yield "whole characters", "half of one"
        return
    if len(name.encode()) > LONGEST_NAME:
        yield f"a name of at most {LONGEST_NAME} bytes", f"one of {len(name.encode())}"
    if name.startswith("/") or _DRIVE.match(name):
        yield "a name below the storage's own folder", "an absolute path"
    if "\\" in name:
        yield "segments joined by `/`", "a backslash"
    if "\0" in name:
        yield "text without control characters", "NUL"
    yield from _odd_characters(name)
    for segment in name.split("/"):
        yield from _segment_objections(segment)


def _odd_characters(name: str) -> Iterator[tuple[str, str]]:
    for sign in name:
        if unicodedata.category(sign) in _UNSEEN and sign not in _JOINERS:
            yield "text that can be seen", f"the character U+{ord(sign):04X}"
    if not unicodedata.is_normalized("NFC", name):
        yield "text in Unicode's form NFC", "another form, which looks the same"
    for sign in name:
        flat = unicodedata.normalize("NFKC", sign)
        if sign not in _TRICKS and (_TRICKS & set(flat) or flat in {".", ".."}) and sign != ".":
            yield "plain `/` and `.`", f"U+{ord(sign):04X}, which looks like them"


def _segment_objections(segment: str) -> Iterator[tuple[str, str]]:
    if not segment:
        yield "one `/` between two segments and none at the end", "an empty segment"
    elif segment in {".", ".."}:
        yield "a name that stays in its folder", f"the segment {segment!r}"
    elif segment.endswith((".", " ")) or segment.startswith(" "):
        yield "segments without a space around them or a dot at the end", "one with"
    elif _DEVICES.fullmatch(segment):
        yield "a name that no system keeps for itself", "that of a device"
    elif segment.startswith(OURS):
        yield "another name", f"one that begins with `{OURS}`"
    elif len(segment.encode()) > LONGEST_SEGMENT:
        found = f"one of {len(segment.encode())}"
        yield f"segments of at most {LONGEST_SEGMENT} bytes", found
