"""What a text with references means, as a frozen tree, and what is wrong with it.

`grammar` makes these values, `resolve` and `check` read them. Positions (`at`) are offsets in
characters from 0; sentences count characters from 1.
"""

from typing import TypeAlias

from msgspec import Struct

from ductape.domain.found import shortened
from ductape.errors import Fault, fault


class Text(Struct, frozen=True):
    """Characters that stand for themselves, `$$` already written as `$`."""

    text: str


class Reference(Struct, frozen=True):
    """A value to be brought in, as `$Session{details}{id}`."""

    name: str
    """A key of `names.REFERENCES`."""
    path: tuple[str, ...]
    at: int

    def __str__(self) -> str:
        """Write it as in the text, shortened."""
        return shortened(f"${self.name}" + "".join(f"{{{segment}}}" for segment in self.path))


class Given(Struct, frozen=True):
    """A value written out as an operator's argument."""

    value: str | int | float | bool | None


class Listing(Struct, frozen=True):
    """A list as an operator's argument."""

    items: "tuple[Argument, ...]"


class Call(Struct, frozen=True):
    """An operator with its arguments, as `$Add(1, 2)`."""

    name: str
    """A key of `operators.OPERATORS`."""
    arguments: "tuple[Argument, ...]"
    at: int


Argument: TypeAlias = "Reference | Call | Given | Listing"
Part: TypeAlias = "Text | Reference | Call"


class Flaw(Struct, frozen=True):
    """One thing that is wrong at one position of a text."""

    at: int
    expected: str
    found: str
    hint: str | None = None
    missing: bool = False
    """Whether a well-formed reference points at nothing."""

    def fault(self, path: str) -> Fault:
        """Tell it of the text at a JSON path."""
        found = f"{self.found} at character {self.at + 1}"
        return fault(path, self.expected, found, hint=self.hint)


class NearMiss(Struct, frozen=True):
    """A `$` that is plain text, yet looks like a mistyped reference or operator."""

    written: str
    meant: str
    """The usage of the one that was probably meant."""
    at: int


class Template(Struct, frozen=True):
    """One text, read."""

    parts: tuple[Part, ...]
    references: tuple[Reference, ...] = ()
    """All of them, also inside operators, in reading order."""
    uses: int = 0
    """How many references and operators it has."""
    flaws: tuple[Flaw, ...] = ()
    """With any of these, the text means nothing."""
    near_misses: tuple[NearMiss, ...] = ()

    @property
    def alone(self) -> Reference | Call | None:
        """The one reference or operator that is the whole text: it keeps its value's type."""
        match self.parts:
            case (Reference() | Call() as only,):
                return only
            case _:
                return None
