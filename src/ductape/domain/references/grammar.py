r"""The one parser for references and operators in text (SPEC 6).

    text      = { "$$" | reference | call | any other character }
    reference = "$" Name "{" segment "}" { "{" segment "}" }        segment: any text but braces
    call      = "$" Name "(" [ argument { "," argument } ] ")"      white space between its parts
              | "$" Name "{" argument "}"                           of `$Size` and `$Length`
    argument  = reference | call | list | number | quoted text | "true" | "false" | "null"
    list      = "[" [ argument { "," argument } ] "]"

It reads from left to right, never goes back and never raises: what is wrong is collected in the
template, and reading goes on where it was noticed. So it takes time by the length of the text.
"""

import re
from functools import lru_cache

from ductape.domain.jsonlimits import DEFAULT
from ductape.domain.references.literals import Unreadable, character_at, literal_at
from ductape.domain.references.names import REFERENCES, meant_by, neighbours
from ductape.domain.references.operators import OPERATORS
from ductape.domain.references.syntax import (
    Argument,
    Call,
    Flaw,
    Given,
    Listing,
    NearMiss,
    Part,
    Reference,
    Template,
    Text,
)

MOST_USES = DEFAULT.references
"""References and operators in one request, and so in one text (SPEC 19)."""

DEEPEST = DEFAULT.nesting
"""Operators and lists inside one another, and segments of one reference (SPEC 19)."""

_REMEMBERED_CHARACTERS = 1024
"""Longer texts are rare and would fill the memory."""

_DOLLAR = re.compile(r"\$(?:(?P<escaped>\$)|(?P<name>[A-Za-z]+)(?P<bracket>[({]?))?")
_SEGMENT = re.compile(r"(?P<segment>[^{}]*)(?P<close>}?)")
_SPACE = re.compile(r"[ \t\r\n]*")

_USAGES = {name: kind.usage for name, kind in REFERENCES.items()} | {
    name: operator.usage for name, operator in OPERATORS.items()
}
_NEIGHBOURS = neighbours(_USAGES)


def parse(text: str) -> Template:
    """Read a text; its flaws and near misses are in the template."""
    if "$" not in text:
        return Template((Text(text),))
    if len(text) <= _REMEMBERED_CHARACTERS:
        return _remembered(text)
    return _Reader(text).read()


@lru_cache(maxsize=1024)
def _remembered(text: str) -> Template:
    return _Reader(text).read()


class _Reader:
    """Reads one text once; `position` only ever grows."""

    __slots__ = ("flaws", "near_misses", "parts", "plain", "position", "references", "text", "uses")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.uses = 0
        self.parts: list[Part] = []
        self.plain: list[str] = []
        self.references: list[Reference] = []
        self.flaws: list[Flaw] = []
        self.near_misses: list[NearMiss] = []

    def read(self) -> Template:
        """Take the text apart, dollar by dollar."""
        while (dollar := _DOLLAR.search(self.text, self.position)) is not None:
            self.plain.append(self.text[self.position : dollar.start()])
            self.position = dollar.end()
            self._dollar(dollar)
        self.plain.append(self.text[self.position :])
        self._end_plain()
        return Template(
            parts=tuple(self.parts),
            references=tuple(self.references),
            uses=self.uses,
            flaws=tuple(self.flaws),
            near_misses=tuple(self.near_misses),
        )

    def _dollar(self, dollar: re.Match[str]) -> None:
        if dollar["escaped"] is not None:
            self.plain.append("$")
            return
        try:
            part = self._opened(dollar, 1)
        except Unreadable as broken:
            self.flaws.append(broken.flaw)
            self.position = broken.resume
            return
        if part is None:
            self.plain.append(dollar[0])
            self._look_for_near_miss(dollar)
        else:
            self._end_plain()
            self.parts.append(part)

    def _end_plain(self) -> None:
        text = "".join(self.plain)
        self.plain.clear()
        if text:
            self.parts.append(Text(text))

    def _look_for_near_miss(self, dollar: re.Match[str]) -> None:
        name = dollar["name"]
        if name is None or not (dollar["bracket"] or name in _USAGES):
            return
        meant = _meant(name)
        if meant is not None:
            self.near_misses.append(NearMiss(dollar[0], meant, dollar.start()))

    def _opened(self, dollar: re.Match[str], depth: int) -> Reference | Call | None:
        """Read what a name with its bracket begins; none if it begins nothing known."""
        name, at = dollar["name"], dollar.start()
        match dollar["bracket"]:
            case "{" if name in REFERENCES:
                return self._reference(name, at)
            case "(" if name in OPERATORS:
                return self._call(name, at, depth, close=")")
            case "{" if name in OPERATORS and OPERATORS[name].braced:
                return self._call(name, at, depth, close="}")
            case _:
                return None

    def _reference(self, name: str, at: int) -> Reference:
        self._count(at)
        path = [self._segment(name)]
        while self._accept("{"):
            path.append(self._segment(name))
        kind = REFERENCES[name]
        if not kind.least <= len(path) <= (kind.most or DEEPEST):
            self._miscounted(at, kind.usage, len(path), "segment")
        reference = Reference(name, tuple(path), at)
        self.references.append(reference)
        return reference

    def _segment(self, name: str) -> str:
        start = self.position
        found = _SEGMENT.match(self.text, start)
        if found is None or not found["close"]:
            self.position = found.end() if found else start
            here = character_at(self.text, self.position)
            raise self._broken(self.position, f"`}}` to close `${name}{{`", here)
        self.position = found.end()
        if not found["segment"]:
            raise self._broken(start, f"a name between the braces of `${name}`", "nothing")
        return found["segment"]

    def _call(self, name: str, at: int, depth: int, *, close: str) -> Call:
        self._count(at)
        opening = "{" if close == "}" else "("
        arguments = self._arguments(f"${name}{opening}", close, depth)
        operator = OPERATORS[name]
        most = len(arguments) if operator.most is None else operator.most
        if not operator.least <= len(arguments) <= most:
            self._miscounted(at, operator.usage, len(arguments), "argument")
        return Call(name, arguments, at)

    def _arguments(self, opening: str, close: str, depth: int) -> tuple[Argument, ...]:
        if depth > DEEPEST:
            raise self._broken(self.position, f"at most {DEEPEST} levels of nesting", "one more")
        self._skip_space()
        if self._accept(close):
            return ()
        arguments = [self._argument(depth)]
        while not self._accept(close):
            if not self._accept(","):
                here = character_at(self.text, self.position)
                raise self._broken(self.position, f"`,` or `{close}` after `{opening}`", here)
            self._skip_space()
            arguments.append(self._argument(depth))
        return tuple(arguments)

    def _argument(self, depth: int) -> Argument:
        argument: Argument
        if self.text.startswith("$", self.position):
            argument = self._nested(depth + 1)
        elif self._accept("["):
            argument = Listing(self._arguments("[", "]", depth + 1))
        else:
            value, self.position = literal_at(self.text, self.position)
            argument = Given(value)
        self._skip_space()
        return argument

    def _nested(self, depth: int) -> Reference | Call:
        start = self.position
        dollar = _DOLLAR.match(self.text, start)
        name = dollar["name"] if dollar else None
        if dollar is None or name is None:
            self.position += 1
            raise self._broken(start, "a known reference or operator", "`$`")
        self.position = dollar.end()
        part = self._opened(dollar, depth)
        if part is None:
            meant = _meant(name)
            hint = f"did you mean `{meant}`?" if meant else None
            raise self._broken(start, "a known reference or operator", f"`{dollar[0]}`", hint)
        return part

    def _miscounted(self, at: int, usage: str, count: int, noun: str) -> None:
        found = f"{count} {noun}" if count == 1 else f"{count} {noun}s"
        self.flaws.append(Flaw(at, f"`{usage}`", found))

    def _count(self, at: int) -> None:
        self.uses += 1
        if self.uses > MOST_USES:
            self.position = len(self.text)
            raise self._broken(at, f"at most {MOST_USES} references and operators", "more")

    def _skip_space(self) -> None:
        space = _SPACE.match(self.text, self.position)
        self.position = space.end() if space else self.position

    def _accept(self, sign: str) -> bool:
        accepted = self.text.startswith(sign, self.position)
        self.position += len(sign) if accepted else 0
        return accepted

    def _broken(self, at: int, expected: str, found: str, hint: str | None = None) -> Unreadable:
        return Unreadable(Flaw(at, expected, found, hint), self.position)


def _meant(name: str) -> str | None:
    """Return how the reference or operator nearest to a name is written."""
    meant = meant_by(name, _NEIGHBOURS)
    return _USAGES[meant] if meant else None
