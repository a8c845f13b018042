"""What an import found, took and left: nothing in a document is dropped in silence (SPEC 13).

Of everything that is counted, what was imported and what was skipped make what was found.
"""

from collections import Counter
from typing import Literal, TypedDict

from ductape.domain.jsonvalue import JsonObject

Kind = Literal["operation", "path", "webhook", "callback", "auth", "server"]
"""The things that are counted, each imported or skipped as a whole."""


class Skipped(TypedDict):
    """A thing that was not imported."""

    kind: Kind
    place: str
    """Where it stands in the document."""
    reason: str


class LeftOut(TypedDict):
    """A part that an imported thing has in the document and not in the product."""

    place: str
    part: str
    """What it is, as `parameter`, `body`, `script`."""
    reason: str


class Count(TypedDict):
    """How many of one kind."""

    found: int
    imported: int
    skipped: int


class NeededSecret(TypedDict):
    """A secret that the product refers to."""

    name: str
    used_for: str
    command: str
    """What stores it."""


class Imported(TypedDict):
    """What an import made."""

    format: str
    """What was read, as `OpenAPI 3.1.0`."""
    product: str
    apps: list[str]
    actions: int
    """How many the document's operations or requests became."""
    counts: dict[str, Count]
    skipped: list[Skipped]
    left_out: list[LeftOut]
    notes: list[str]
    secrets: list[NeededSecret]
    document: JsonObject
    """The product, as `products.apply` takes it."""


class Report:
    """Collects what becomes of a document's parts."""

    def __init__(self, product: str) -> None:
        """Name the product, for the commands that store its secrets."""
        self._product = product
        self._imported: Counter[Kind] = Counter()
        self._secrets: dict[str, NeededSecret] = {}
        self._called: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, int] = {}
        self.skipped: list[Skipped] = []
        self.left_out: list[LeftOut] = []
        self._notes: dict[str, None] = {}

    def took(self, kind: Kind, number: int = 1) -> None:
        """Count what was imported."""
        self._imported[kind] += number

    def skip(self, kind: Kind, place: str, reason: str) -> None:
        """Tell what was not imported, and why."""
        self.skipped.append(Skipped(kind=kind, place=place, reason=reason))

    def leave_out(self, place: str, part: str, reason: str) -> None:
        """Tell which part of an imported thing was not."""
        self.left_out.append(LeftOut(place=place, part=part, reason=reason))

    def note(self, text: str) -> None:
        """Tell something about the whole, once."""
        self._notes[text] = None

    @property
    def notes(self) -> list[str]:
        """Whatever else there is to know, in the order of telling."""
        return [*self._notes]

    def need(self, name: str, used_for: str) -> str:
        """Ask for a secret; return the reference to it.

        Names that differ in signs only come out alike: what is used for another thing is numbered.
        """
        called = self._called.get((name, used_for)) or self._free(name, used_for)
        command = f"ductape secrets set {called} --product {self._product}"
        self._secrets[called] = NeededSecret(name=called, used_for=used_for, command=command)
        return f"$Secret{{{called}}}"

    def _free(self, name: str, used_for: str) -> str:
        """Return the next name of a secret that is used for nothing else."""
        number = self._numbers.get(name, 1)
        called = name if number == 1 else f"{name}_{number}"
        while self._secrets.get(called, {"used_for": used_for})["used_for"] != used_for:
            number += 1
            called = f"{name}_{number}"
        self._numbers[name] = number
        self._called[name, used_for] = called
        return called

    def secrets(self) -> list[NeededSecret]:
        """Return the secrets asked for, in the order of asking."""
        return [*self._secrets.values()]

    def number(self, kind: Kind) -> int:
        """Return how many of a kind were imported."""
        return self._imported[kind]

    def counts(self) -> dict[str, Count]:
        """Return what was found of each kind, and what became of it."""
        skipped: Counter[Kind] = Counter(one["kind"] for one in self.skipped)
        kinds: list[Kind] = sorted({*self._imported, *skipped})
        return {
            kind: Count(
                found=self._imported[kind] + skipped[kind],
                imported=self._imported[kind],
                skipped=skipped[kind],
            )
            for kind in kinds
        }
