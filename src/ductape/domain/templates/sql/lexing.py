"""What is code, text, name and comment in an SQL statement, by the rules of its database.

PostgreSQL: strings, `E'…'` with backslashes, dollar quotes, nested comments. MySQL and MariaDB:
strings in either quotes, with backslashes, names in backticks, `#` comments. SQLite: names also in
backticks and brackets. Nothing is evaluated, and every statement comes to an end.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import Struct

Dialect = Literal["postgresql", "mysql", "sqlite"]
Kind = Literal["code", "text", "name", "comment", "dollar"]

KINDS: Mapping[Kind, str] = {
    "code": "code",
    "text": "a string",
    "name": "a name",
    "comment": "a comment",
    "dollar": "a dollar-quoted string",
}
"""How each is called in a sentence."""


class Piece(Struct, frozen=True):
    """A stretch of one kind."""

    kind: Kind
    written: str
    at: int
    """Its first character in the whole, from 0."""
    closed: bool = True
    """Whether it ends before the statement does."""


_PLAIN = r"'(?:[^']|'')*'"
_BACKSLASHED = r"'(?:[^'\\]|\\.|'')*'"
_DOUBLE = r'"(?:[^"]|"")*"'
_BACKTICKS = r"`(?:[^`]|``)*`"
_FLAT_COMMENT = r"/\*.*?\*/"

_ENDS: Mapping[Dialect, tuple[tuple[Kind, str, str], ...]] = {
    "postgresql": (
        ("text", r"(?<![\w$])[eE]'", r"[eE]" + _BACKSLASHED),
        ("text", r"'", _PLAIN),
        ("name", r'"', _DOUBLE),
        ("comment", r"--", r"--[^\r\n]*"),
        ("comment", r"/\*", ""),
        ("dollar", r"(?<![\w$])\$(?:[^\W\d]\w*)?\$", ""),
    ),
    "mysql": (
        ("text", r"'", _BACKSLASHED),
        ("text", r'"', r'"(?:[^"\\]|\\.|"")*"'),
        ("name", r"`", _BACKTICKS),
        ("comment", r"--(?=[\s\x00-\x1f]|\Z)", r"--[^\n]*"),
        ("comment", r"\#", r"\#[^\n]*"),
        ("comment", r"/\*", _FLAT_COMMENT),
    ),
    "sqlite": (
        ("text", r"'", _PLAIN),
        ("name", r'"', _DOUBLE),
        ("name", r"`", _BACKTICKS),
        ("name", r"\[", r"\[[^\]]*\]"),
        ("comment", r"--", r"--[^\n]*"),
        ("comment", r"/\*", _FLAT_COMMENT),
    ),
}
"""What begins each kind, and the whole of it; the two that no pattern can end are empty."""

_STARTS: Mapping[Dialect, re.Pattern[str]] = {
    dialect: re.compile("|".join(f"({start})" for _, start, _ in rows))
    for dialect, rows in _ENDS.items()
}
_WHOLES: Mapping[Dialect, tuple[re.Pattern[str], ...]] = {
    dialect: tuple(re.compile(whole, re.DOTALL) for _, _, whole in rows)
    for dialect, rows in _ENDS.items()
}
_COMMENT_MARK = re.compile(r"/\*|\*/")


def pieces(sql: str, dialect: Dialect) -> Iterator[Piece]:
    """Take a statement apart; joined again, the pieces are the statement.

    >>> [(piece.kind, piece.written) for piece in pieces("a = 'x''y' -- z", "sqlite")]
    [('code', 'a = '), ('text', "'x''y'"), ('code', ' '), ('comment', '-- z')]
    """
    at = 0
    while at < len(sql):
        found = _STARTS[dialect].search(sql, at)
        begin = len(sql) if found is None else found.start()
        if begin > at:
            yield Piece("code", sql[at:begin], at)
        if found is None:
            return
        row = (found.lastindex or 1) - 1
        end = _end_of(sql, found, _WHOLES[dialect][row])
        kind, written = _ENDS[dialect][row][0], sql[begin : len(sql) if end is None else end]
        yield Piece(kind, written, begin, closed=end is not None)
        at = begin + len(written)


def _end_of(sql: str, start: re.Match[str], whole: re.Pattern[str]) -> int | None:
    if whole.pattern:
        matched = whole.match(sql, start.start())
        return None if matched is None else matched.end()
    if start[0] == "/*":
        return _end_of_nested(sql, start.end())
    close = sql.find(start[0], start.end())
    return None if close < 0 else close + len(start[0])


def _end_of_nested(sql: str, at: int) -> int | None:
    depth = 1
    for mark in _COMMENT_MARK.finditer(sql, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return None
