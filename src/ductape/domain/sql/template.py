"""An SQL template: its text and its placeholders, or why it cannot be used (SPEC 9).

A placeholder is a value and is bound as one. Quotes round it are dropped: `'{{name}}'` and
`{{name}}` are the same. Where only text could be filled in (in a longer string, a name, a comment,
a dollar-quoted string) it is refused. A template is one statement, and it ends no transaction.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from ductape.domain.placeholders import SHAPE, Flawed, Placeholder, read_placeholder
from ductape.domain.sql.lexing import KINDS, Dialect, Piece, pieces

_WHOLE = re.compile(r"\{\{([^{}]*)\}\}")
_BRACES = re.compile(r"\{\{|\}\}")
_IN_LIST = re.compile(r"\bIN\s*\(\s*\Z", re.IGNORECASE)
_OPEN_LIST = re.compile(r"\bIN\s*\([^()]*\Z", re.IGNORECASE)
_CLOSES = re.compile(r"\s*\)")
_FIRST_WORD = re.compile(r"[A-Za-z]+")
_CONTROL = frozenset(
    {
        "ABORT",
        "ATTACH",
        "BEGIN",
        "COMMIT",
        "DEALLOCATE",
        "DETACH",
        "END",
        "EXECUTE",
        "LOCK",
        "PREPARE",
        "RELEASE",
        "RESET",
        "ROLLBACK",
        "SAVEPOINT",
        "SET",
        "START",
        "UNLOCK",
        "USE",
        "XA",
    }
)
"""Statements that would end our transaction, or change the connection for whoever is next."""

_OWN_PARAMETERS: dict[Dialect, re.Pattern[str]] = {
    "postgresql": re.compile(r"(?<![\w$])\$\d+"),
    "mysql": re.compile(r"\?"),
    "sqlite": re.compile(r"\?|(?<![\w:])[:@$][A-Za-z_]\w*"),
}
"""How each database writes a parameter itself: beside ours they would be counted wrongly."""


class TemplateFault(ValueError):
    """Why a template cannot be used; `expected` and `found` as in a fault."""

    def __init__(self, expected: str, found: str, hint: str | None = None) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found
        self.hint = hint


class Slot(Struct, frozen=True):
    """Where a value goes."""

    placeholder: Placeholder
    in_list: bool = False
    """Whether it stands in `IN (…)`, so that a list becomes as many values."""
    whole_list: bool = False
    """Whether it is all that stands there, so that an empty list is an empty set."""


class SqlTemplate(Struct, frozen=True):
    """A statement with slots."""

    dialect: Dialect
    parts: tuple[str | Slot, ...]

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """Every placeholder, in the order of the statement."""
        return tuple(part.placeholder for part in self.parts if isinstance(part, Slot))


@lru_cache(maxsize=1_000)
def read_template(sql: str, dialect: Dialect) -> SqlTemplate:
    """Take a template apart; raises `TemplateFault`."""
    parts: list[str | Slot] = []
    ended = False
    for piece in pieces(sql, dialect):
        if not piece.closed:
            raise TemplateFault(f"an end of {KINDS[piece.kind]}", _place(sql, piece.at))
        if piece.kind == "code":
            ended = _judge_code(piece, dialect, sql, ended=ended)
            parts += _of_code(piece, sql)
        else:
            if ended and piece.kind != "comment":
                raise _second_statement(sql, piece.at)
            parts.append(_of_quoted(piece, sql))
    _refuse_control(parts)
    return SqlTemplate(dialect, tuple(_placed(parts)))


def _of_code(piece: Piece, sql: str) -> Iterator[str | Slot]:
    at = 0
    for found in _WHOLE.finditer(piece.written):
        yield _plain(piece, at, found.start(), sql)
        yield Slot(_read(found[1], sql, piece.at + found.start()))
        at = found.end()
    yield _plain(piece, at, len(piece.written), sql)


def _of_quoted(piece: Piece, sql: str) -> str | Slot:
    found = SHAPE.search(piece.written)
    if found is None:
        return piece.written
    # Double quotes make a name in standard SQL, but who writes a value in them means one.
    takes_value = piece.kind == "text" or piece.written.startswith('"')
    if takes_value and found[0] == piece.written[1:-1].strip():
        return Slot(_read(found[1], sql, piece.at))
    raise TemplateFault(
        "a placeholder that stands for a whole value",
        f"{found[0][:60]} inside of {KINDS[piece.kind]} {_place(sql, piece.at)}",
        "it is bound as a value, never written into text, a name or a comment",
    )


def _plain(piece: Piece, begin: int, end: int, sql: str) -> str:
    text = piece.written[begin:end]
    if braces := _BRACES.search(text):
        where = _place(sql, piece.at + begin + braces.start())
        raise TemplateFault("a whole placeholder", f"`{braces[0]}` alone {where}")
    return text


def _read(inner: str, sql: str, at: int) -> Placeholder:
    try:
        return read_placeholder(inner)
    except Flawed as flaw:
        raise TemplateFault(flaw.expected, f"{flaw.found} {_place(sql, at)}", flaw.hint) from None


def _judge_code(piece: Piece, dialect: Dialect, sql: str, *, ended: bool) -> bool:
    """Refuse a second statement and foreign parameters; tell whether the statement has ended."""
    code = _WHOLE.sub(lambda found: "0" * len(found[0]), piece.written)
    if foreign := _OWN_PARAMETERS[dialect].search(code):
        where = _place(sql, piece.at + foreign.start())
        raise TemplateFault("values written as `{{name}}`", f"`{foreign[0]}` {where}")
    before, semicolon, rest = code.partition(";")
    if (ended and code.strip()) or rest.strip(" \t\r\n;"):
        raise _second_statement(sql, piece.at + (0 if ended else len(before)))
    return ended or bool(semicolon)


def _second_statement(sql: str, at: int) -> TemplateFault:
    return TemplateFault("one statement", f"more {_place(sql, at)}", "make each an action")


def _refuse_control(parts: list[str | Slot]) -> None:
    """Refuse an empty template, and one that meddles with the transaction or the connection."""
    text = "".join(part for part in parts if isinstance(part, str) and not _is_comment(part))
    word = _FIRST_WORD.search(text)
    if word is None:
        raise TemplateFault("an SQL statement", "nothing that is one")
    if word[0].upper() in _CONTROL:
        hint = "each action runs in a transaction of its own, on a connection that others use"
        raise TemplateFault("a statement that reads or writes", f"`{word[0].upper()}`", hint)


def _is_comment(part: str) -> bool:
    return part.startswith(("--", "/*", "#"))


def _placed(parts: list[str | Slot]) -> Iterator[str | Slot]:
    """Tell of each slot whether it stands in a list, and join what lies between them."""
    before = ""
    for at, part in enumerate(parts):
        if isinstance(part, str):
            before += _unquoted(part)
            yield part
            continue
        after = parts[at + 1] if at + 1 < len(parts) else ""
        closed = isinstance(after, str) and _CLOSES.match(after) is not None
        alone = _IN_LIST.search(before) is not None and closed
        yield Slot(part.placeholder, _OPEN_LIST.search(before) is not None, alone)
        before += "0"


def _unquoted(part: str) -> str:
    """Return what counts of a part for what stands round it: a string's brackets do not."""
    if _is_comment(part):
        return " "
    return "0" if part.startswith(("'", '"', "`")) else part


def _place(sql: str, at: int) -> str:
    line = sql.count("\n", 0, at) + 1
    return f"in line {line}, at character {at - (sql.rfind(chr(10), 0, at) + 1) + 1}"
