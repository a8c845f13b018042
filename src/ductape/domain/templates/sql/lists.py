"""What stands in `IN (…)`, taken apart item by item: a list is as many items as it has values.

Only an item of the list itself is one: what stands in a query or in another bracket inside of it is
as it is everywhere else.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TypeAlias

from msgspec import Struct

from ductape.domain.templates.placeholders import Placeholder
from ductape.domain.templates.sql.lexing import Piece

_ATOM = re.compile(r"[^\W\d][\w$]*|\s+|.", re.DOTALL)
_QUERIES = frozenset({"SELECT", "TABLE", "VALUES", "WITH"})
"""What `IN (…)` begins with where rows stand in it rather than items."""


class Slot(Struct, frozen=True):
    """Where a value goes."""

    placeholder: Placeholder


class Item(Struct, frozen=True):
    """One item of `IN (…)`."""

    before: "tuple[Part, ...]"
    slot: Slot | None = None
    """Given a list, the item is written once for each of its values."""
    after: "tuple[Part, ...]" = ()

    @property
    def parts(self) -> "tuple[Part, ...]":
        """All of it, as it is written once."""
        return self.before if self.slot is None else (*self.before, self.slot, *self.after)


class ItemList(Struct, frozen=True):
    """`[NOT] IN (…)` with a placeholder among its items."""

    opening: str
    """All up to its first item, as it is written."""
    negated: bool
    items: tuple[Item, ...]


Part: TypeAlias = str | Slot | ItemList


def with_lists(pieces: Iterable[Piece | Slot]) -> tuple[Part, ...]:
    """Return the parts of a statement, the items of its lists apart from one another."""
    frames = [_Frame()]
    for piece in pieces:
        if isinstance(piece, Piece) and piece.kind == "code":
            for atom in _ATOM.finditer(piece.written):
                _take(frames, atom[0])
        else:
            frames[-1].quote(piece)
    while len(frames) > 1:  # the database will tell of it
        _flat(frames.pop(), frames[-1], "")
    return _joined(frames[0].parts)


def slots_in(parts: Iterable[Part]) -> Iterator[Slot]:
    """Yield every slot, in the order of the statement."""
    for part in parts:
        if isinstance(part, Slot):
            yield part
        elif isinstance(part, ItemList):
            for item in part.items:
                yield from slots_in(item.parts)


class _Frame:
    """What stands between two brackets, as far as it has been read."""

    __slots__ = ("commas", "head", "parts", "slots", "words")

    def __init__(self, head: int | None = None) -> None:
        self.head = head
        """Where `NOT IN` or `IN` begins among the parts before the bracket; none without."""
        self.parts: list[Part] = []
        self.words: list[tuple[str, int]] = []
        """What is neither space nor comment, and its place among the parts."""
        self.commas: list[int] = []
        self.slots: dict[int, Slot] = {}

    def see(self, word: str) -> None:
        """Take notice of a word, without its text."""
        self.words.append((word, len(self.parts)))

    def quote(self, piece: Piece | Slot) -> None:
        """Take a slot, a quoted stretch or a comment."""
        if isinstance(piece, Slot):
            self.slots[len(self.parts)] = piece
            self.see("")
            self.parts.append(piece)
        else:
            if piece.kind != "comment":
                self.see("")
            self.parts.append(piece.written)

    def head_of_list(self) -> int | None:
        """Return where `NOT IN` or `IN` begins that has just been read; none if it has not."""
        *others, (word, at) = self.words or [("", 0)]
        if word != "IN":
            return None
        return others[-1][1] if others and others[-1][0] == "NOT" else at

    def items(self) -> tuple[Item, ...]:
        """Return what stands between commas."""
        edges = (-1, *self.commas, len(self.parts))
        return tuple(self._item(begin + 1, end) for begin, end in pairwise(edges))

    def _item(self, begin: int, end: int) -> Item:
        match [(at, slot) for at, slot in self.slots.items() if begin <= at < end]:
            case [(at, slot)]:
                before, after = self.parts[begin:at], self.parts[at + 1 : end]
                return Item(_joined(before), slot, _joined(after))
            case _:
                return Item(_joined(self.parts[begin:end]))


def _take(frames: list[_Frame], atom: str) -> None:
    """Take a word, a stretch of space or a sign."""
    frame = frames[-1]
    if atom == "(":
        head = frame.head_of_list()
        frame.see(atom)
        frames.append(_Frame(head))
    elif atom == ")" and len(frames) > 1:
        _close(frames.pop(), frames[-1])
    else:
        if atom == ",":
            frame.commas.append(len(frame.parts))
        if not atom.isspace():
            frame.see(atom.upper())
        frame.parts.append(atom)


def _close(inner: _Frame, outer: _Frame) -> None:
    """Put what stood between two brackets to what stands round them."""
    head, items = inner.head, inner.items()
    is_query = bool(inner.words) and inner.words[0][0] in _QUERIES
    if head is None or is_query or all(item.slot is None for item in items):
        _flat(inner, outer, ")")
        return
    opening = "".join(part for part in outer.parts[head:] if isinstance(part, str))
    negated = opening.upper().startswith("NOT")
    outer.parts[head:] = [ItemList(f"{opening}(", negated, items)]


def _flat(inner: _Frame, outer: _Frame, closing: str) -> None:
    outer.parts += ["(", *inner.parts, closing]


def _joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return parts with the texts that follow one another in one."""
    joined: list[Part] = []
    for part in parts:
        before = joined[-1] if joined else None
        if isinstance(part, str) and isinstance(before, str):
            joined[-1] = before + part
        elif part != "":
            joined.append(part)
    return tuple(joined)
