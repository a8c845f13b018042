"""An SQL template: its text and its placeholders, or why it cannot be used (SPEC 9).

A placeholder is a value and is bound as one. Quotes round it are dropped: `'{{name}}'` and
`{{name}}` are the same. Where only text could be filled in (in a longer string, a name, a comment,
a dollar-quoted string) it is refused. A template is one statement, and it ends no transaction.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from ductape.domain.templates.placeholders import SHAPE, Flawed, Placeholder, read_placeholder
from ductape.domain.templates.sql.lexing import KINDS, Dialect, Piece, pieces
from ductape.domain.templates.sql.lists import Part, Slot, slots_in, with_lists

_WHOLE = re.compile(r"\{\{([^{}]*)\}\}")
_BRACES = re.compile(r"\{\{|\}\}")
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

_TIMES = r"date|time(?:stamp)?(?:tz)?"
_ZONED = r"(?:\s*\(\d\))?(?:\s+with(?:out)?\s+time\s+zone)?"
_MAKERS: dict[Dialect, re.Pattern[str]] = {
    "postgresql": re.compile(
        rf"(?<![\w$.])(?:[bnx]|u&|(?:{_TIMES}|interval|jsonb?|uuid){_ZONED}\s*)\Z", re.IGNORECASE
    ),
    "mysql": re.compile(rf"(?<![\w$.])(?:[bnx]|_\w+\s*|(?:{_TIMES})\s*)\Z", re.IGNORECASE),
    "sqlite": re.compile(r"(?<![\w$.])x\Z", re.IGNORECASE),
}
"""What makes a literal of its own of the string behind it, which a parameter cannot stand for."""

_LONGEST_MAKER = 60
"""Characters before a string that are looked at."""


class TemplateFault(ValueError):
    """Why a template cannot be used; `expected` and `found` as in a fault."""

    def __init__(self, expected: str, found: str, hint: str | None = None) -> None:
        super().__init__(f"expected {expected}, found {found}")
        self.expected = expected
        self.found = found
        self.hint = hint


class SqlTemplate(Struct, frozen=True):
    """A statement with slots."""

    dialect: Dialect
    parts: tuple[Part, ...]

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """Every placeholder, in the order of the statement."""
        return tuple(slot.placeholder for slot in slots_in(self.parts))


@lru_cache(maxsize=1_000)
def read_template(sql: str, dialect: Dialect) -> SqlTemplate:
    """Take a template apart; raises `TemplateFault`."""
    parts: list[Piece | Slot] = []
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
            parts.append(_of_quoted(piece, sql, dialect))
    _refuse_control(parts)
    return SqlTemplate(dialect, with_lists(parts))


def _of_code(piece: Piece, sql: str) -> Iterator[Piece | Slot]:
    at = 0
    for found in _WHOLE.finditer(piece.written):
        yield _plain(piece, at, found.start(), sql)
        yield Slot(_read(found[1], sql, piece.at + found.start()))
        at = found.end()
    yield _plain(piece, at, len(piece.written), sql)


def _of_quoted(piece: Piece, sql: str, dialect: Dialect) -> Piece | Slot:
    found = SHAPE.search(piece.written)
    if found is None:
        return piece
    if maker := _MAKERS[dialect].search(sql[max(piece.at - _LONGEST_MAKER, 0) : piece.at]):
        shown, literal = found[0][:60], f"{maker[0].strip()} '…'"
        raise TemplateFault(
            "a placeholder that stands for a whole value",
            f"{shown} inside of the literal `{literal}` {_place(sql, piece.at)}",
            f"give the value its type by a cast: `CAST({shown} AS date)` or the like",
        )
    # Double quotes make a name in standard SQL, but who writes a value in them means one.
    takes_value = piece.kind == "text" or piece.written.startswith('"')
    if takes_value and found[0] == piece.written[1:-1].strip():
        return Slot(_read(found[1], sql, piece.at))
    raise TemplateFault(
        "a placeholder that stands for a whole value",
        f"{found[0][:60]} inside of {KINDS[piece.kind]} {_place(sql, piece.at)}",
        "it is bound as a value, never written into text, a name or a comment",
    )


def _plain(piece: Piece, begin: int, end: int, sql: str) -> Piece:
    text = piece.written[begin:end]
    if braces := _BRACES.search(text):
        where = _place(sql, piece.at + begin + braces.start())
        raise TemplateFault("a whole placeholder", f"`{braces[0]}` alone {where}")
    return Piece("code", text, piece.at + begin)


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


def _refuse_control(parts: list[Piece | Slot]) -> None:
    """Refuse an empty template, and one that meddles with the transaction or the connection."""
    written = (part for part in parts if isinstance(part, Piece) and part.kind != "comment")
    text = "".join(part.written for part in written)
    word = _FIRST_WORD.search(text)
    if word is None:
        raise TemplateFault("an SQL statement", "nothing that is one")
    if word[0].upper() in _CONTROL:
        hint = "each action runs in a transaction of its own, on a connection that others use"
        raise TemplateFault("a statement that reads or writes", f"`{word[0].upper()}`", hint)


def _place(sql: str, at: int) -> str:
    line = sql.count("\n", 0, at) + 1
    return f"in line {line}, at character {at - (sql.rfind(chr(10), 0, at) + 1) + 1}"
