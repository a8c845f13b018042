"""What a statement may not do on its server, as far as no transaction sees to it (SPEC 9, 18).

A read runs in a read-only transaction. That holds back what changes tables, and nothing else: no
file that the server writes, no program that it starts, no connection that it kills. Such statements
begin with words of their own (`COPY`, `KILL`, `FLUSH`), so a read begins with one that asks; what
hides in a query, MySQL's `INTO OUTFILE`, is looked for. What functions do is for the rights of the
database's user. Comments that MySQL executes are code that nobody has read as such.
"""

import re
from collections.abc import Mapping

from ductape.domain.found import listed
from ductape.domain.templates.sql.lexing import Dialect, pieces
from ductape.domain.templates.sql.template import TemplateFault

_ASKING: Mapping[Dialect, tuple[str, ...]] = {
    "postgresql": ("SELECT", "WITH", "TABLE", "VALUES", "SHOW", "EXPLAIN", "CALL"),
    "mysql": (
        *("SELECT", "WITH", "TABLE", "VALUES", "SHOW", "EXPLAIN", "CALL"),
        *("ANALYZE", "CHECKSUM", "DESC", "DESCRIBE"),
    ),
}
"""What a read begins with. SQLite tells by itself which of its statements write."""

_FIRST_WORD = re.compile(r"[A-Za-z]+")
_INTO_FILE = re.compile(r"\bINTO\s+(OUTFILE|DUMPFILE)\b", re.IGNORECASE)
_EXECUTED = ("/*!", "/*M!")
_COMMENT = "a comment that is executed, `/*! … */`"
_HINT = "a read changes nothing on the server, and may be done again"


def judge_statement(sql: str, dialect: Dialect, *, reads_only: bool) -> None:
    """Raise `TemplateFault` for a template that `read_template` took, and that may not be sent."""
    comments = (piece for piece in pieces(sql, dialect) if piece.kind == "comment")
    if dialect == "mysql" and any(one.written.startswith(_EXECUTED) for one in comments):
        hint = "write what is in it as code, or leave it out"
        raise TemplateFault("comments that say something to people", _COMMENT, hint)
    if reads_only:
        _judge_read(sql, dialect)


def _judge_read(sql: str, dialect: Dialect) -> None:
    asking = _ASKING.get(dialect)
    if asking is None:
        return
    code = _code_of(sql, dialect)
    word = _FIRST_WORD.search(code)
    if word is not None and word[0].upper() not in asking:
        wanted = f"a statement that only reads: {listed(asking)}"
        raise TemplateFault(wanted, f"`{word[0].upper()}`", _HINT)
    into = _INTO_FILE.search(code) if dialect == "mysql" else None
    if into is not None:
        found = f"`INTO {into[1].upper()}`, which writes a file on the server"
        raise TemplateFault("a statement that only reads", found, _HINT)


def _code_of(sql: str, dialect: Dialect) -> str:
    """Return a statement's code, a space for each comment and `''` for whatever is quoted."""
    stand_ins = {"comment": " ", "text": "''", "name": "''", "dollar": "''"}
    return "".join(stand_ins.get(piece.kind, piece.written) for piece in pieces(sql, dialect))
