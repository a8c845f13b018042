r"""The values that are written out as an operator's arguments: numbers, words, quoted texts.

They are JSON's, and a text may stand in single quotes as well. Inside quotes a `$` is a `$`.
"""

import re
from math import isfinite

from ductape.domain.jsonlimits import INTEGER_MAX, INTEGER_MIN
from ductape.domain.references.syntax import Flaw

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)")
_WORD = re.compile(r"[A-Za-z]+")
_QUOTED = re.compile(
    r"""'[^'\\]*+(?:\\.[^'\\]*+)*+' | "[^"\\]*+(?:\\.[^"\\]*+)*+" """, re.DOTALL | re.VERBOSE
)
_ESCAPE = re.compile(r"\\(?:u(?P<code>[0-9a-fA-F]{4})|(?P<sign>.))", re.DOTALL)

_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"} | {sign: sign for sign in "\\'\"/"}
_WORDS = {"true": True, "false": False, "null": None}
_LONGEST_INTEGER = 20
"""Characters of the largest and of the smallest integer of 64 bits."""
_SURROGATES = range(0xD800, 0xE000)

Literal = str | int | float | bool | None


class Unreadable(Exception):
    """What begins at a position cannot be read to its end."""

    def __init__(self, flaw: Flaw, resume: int) -> None:
        """Take what is wrong, and the position from which reading may go on."""
        super().__init__(flaw.expected)
        self.flaw = flaw
        self.resume = resume


def literal_at(text: str, at: int) -> tuple[Literal, int]:
    """Read the literal at a position; return its value and where it ends.

    Raises `Unreadable`.

    >>> literal_at("-2.5)", 0), literal_at("'it is')", 0), literal_at("null", 0)
    ((-2.5, 4), ('it is', 7), (None, 4))
    """
    if text.startswith(("'", '"'), at):
        return _quoted(text, at)
    if (number := _NUMBER.match(text, at)) is not None:
        return _number(number), number.end()
    word = _WORD.match(text, at)
    if word is not None and word[0] in _WORDS:
        return _WORDS[word[0]], word.end()
    expected = "a reference, an operator, a number, a quoted text, a list, true, false or null"
    raise Unreadable(Flaw(at, expected, character_at(text, at)), at)


def character_at(text: str, at: int) -> str:
    """Name what stands at a position, for a sentence."""
    return f"`{text[at]}`" if at < len(text) else "the end of the text"


def _number(written: re.Match[str]) -> int | float:
    digits = written[0]
    if written["fraction"]:
        number = float(digits)
        fits = isfinite(number)
    else:
        number = int(digits[: _LONGEST_INTEGER + 1])
        fits = len(digits) <= _LONGEST_INTEGER and INTEGER_MIN <= number <= INTEGER_MAX
    if not fits:
        flaw = Flaw(written.start(), "a number of at most 64 bits", "a larger one")
        raise Unreadable(flaw, written.end())
    return number


def _quoted(text: str, at: int) -> tuple[str, int]:
    quoted = _QUOTED.match(text, at)
    if quoted is None:
        flaw = Flaw(at, f"a second {text[at]} to end the quoted text", "none")
        raise Unreadable(flaw, len(text))
    inner = quoted[0][1:-1]
    if "\\" in inner:
        inner = _ESCAPE.sub(lambda escape: _character(escape, quoted), inner)
    return inner, quoted.end()


def _character(escape: re.Match[str], quoted: re.Match[str]) -> str:
    if escape["code"] is not None and int(escape["code"], 16) not in _SURROGATES:
        return chr(int(escape["code"], 16))
    if escape["sign"] in _SIGNS:
        return _SIGNS[escape["sign"]]
    flaw = Flaw(
        quoted.start() + 1 + escape.start(),
        r"one of the escapes \\ \' \" \/ \b \f \n \r \t \uXXXX",
        "another one",
        hint=r"a backslash is written \\, a character beyond \uFFFF as itself",
    )
    raise Unreadable(flaw, quoted.end())
