"""The references that the grammar knows, one row each, and what a mistyped one was meant to be.

SPEC 6 lists them. Where each is live is `live.py`'s; the operators are rows of `operators.py`.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct


class ReferenceKind(Struct, frozen=True):
    """One kind of reference."""

    usage: str
    """How it is written."""
    least: int
    """How many segments it takes at least."""
    home: str
    """Where it may be used: the hint where it may not."""
    absent: str
    """What is found where this kind has no source at all."""
    most: int | None = None
    """How many segments it takes at most; none means as many as the data is deep."""
    sensitive: bool = False
    """Whether what it brings in is masked wherever it is shown."""


REFERENCES: Mapping[str, ReferenceKind] = {
    "Session": ReferenceKind(
        usage="$Session{tag}{key}",
        least=1,
        home="it is live in a job's input and in the selector of a session",
        absent="no session in the request",
        sensitive=True,
    ),
    "Input": ReferenceKind(
        usage="$Input{key}",
        least=1,
        home="it is live inside a feature or a fallback",
        absent="no outer input",
    ),
    "Sequence": ReferenceKind(
        usage="$Sequence{sequence}{event}{key}",
        least=2,
        home="it is live in the later steps and the output of a feature",
        absent="no finished step",
    ),
    "Response": ReferenceKind(
        usage="$Response{key}",
        least=1,
        home="it is live in an output mapping",
        absent="no response",
    ),
    "Message": ReferenceKind(
        usage="$Message{key}",
        least=1,
        home="it is live in the input mapping of a subscription",
        absent="no message",
    ),
    "Variable": ReferenceKind(
        usage="$Variable{app}{key}",
        least=2,
        home="it is live in a job's input and in definitions",
        absent="no variables",
    ),
    "Constant": ReferenceKind(
        usage="$Constant{app}{key}",
        least=2,
        home="it is live in a job's input and in definitions",
        absent="no constants",
    ),
    "Secret": ReferenceKind(
        usage="$Secret{name}",
        least=1,
        most=1,
        home="secrets are resolved in definitions only: write it in the product's definition",
        absent="no secrets",
        sensitive=True,
    ),
    "Auth": ReferenceKind(
        usage="$Auth{tag}{field}",
        least=2,
        home="it is live in the headers and the query of an action of the same app",
        absent="no auth of the app",
        sensitive=True,
    ),
}

_SHORT = 4
"""A name of so few letters has too many neighbours: only its case may differ."""

_LONG = 16
"""No known name is nearly as long."""


def neighbours(names: Iterable[str]) -> dict[str, str]:
    """Index names by all the ways to write them with one letter left out.

    Two words one typing error apart (a letter lost, added, swapped or mistaken) share one such
    way, so finding a neighbour takes a few look-ups, however hostile the text is.
    """
    return {shape: name for name in names for shape in _shapes(name.lower())}


def meant_by(word: str, index: Mapping[str, str]) -> str | None:
    """Return the name of the index that a word is one typing error away from.

    >>> meant_by("Sesion", neighbours(["Session"])), meant_by("Price", neighbours(["Session"]))
    ('Session', None)
    """
    if len(word) > _LONG:
        return None
    return next((index[shape] for shape in _shapes(word.lower()) if shape in index), None)


def _shapes(word: str) -> tuple[str, ...]:
    if len(word) <= _SHORT:
        return (word,)
    return (word, *(word[:at] + word[at + 1 :] for at in range(len(word))))
