"""Which programs may work on a store that a newer one has brought up to date (SPEC 11). Pure.

A migration's first line says which is the oldest schema whose programs go on working after it. The
store keeps the number beside the migration, so that a program meets it that knows nothing of it.
"""

import re

from msgspec import Struct

from ductape.errors import StoreError

_NEEDS = "needs_schema"
"""The detail of the error by which it is known."""

_DECLARED = re.compile(r"-- oldest: (\d+)\n")


class StoreSchema(Struct, frozen=True):
    """How new the tables of a store are."""

    number: int
    """The newest migration that was applied."""
    oldest: int
    """A program must know at least this one."""


def oldest_after(migration: str) -> int:
    r"""Read from a migration's first line which programs go on working after it.

    Raises `ValueError` where it does not say so.

    >>> oldest_after("-- oldest: 3\nALTER TABLE runs ADD COLUMN colour text;")
    3
    """
    declared = _DECLARED.match(migration)
    if declared is None:
        raise ValueError("a migration begins with the line `-- oldest: NUMBER`")
    return int(declared[1])


def serves(schema: StoreSchema, known: int) -> bool:
    """Tell whether a program whose newest migration is `known` may work on such tables.

    >>> [serves(StoreSchema(number=7, oldest=6), known) for known in (5, 6, 7)]
    [False, True, True]
    """
    return schema.oldest <= known


def refuse_outlived(schema: StoreSchema, known: int, path: str) -> None:
    """Raise `StoreError` for a program that is too old for the tables at `path`."""
    if serves(schema, known):
        return
    needed = "" if schema.oldest == schema.number else f" and needs {schema.oldest}"
    raise StoreError(
        f"the database has schema {schema.number}{needed}, this version knows {known}",
        path=path,
        hint="upgrade ductape-jobs to the version that wrote it",
        details={_NEEDS: schema.oldest},
    )


def is_outlived(error: Exception) -> bool:
    """Tell whether an error is that of a program that is too old: it will not go away by itself.

    >>> is_outlived(StoreError("the server is out of reach"))
    False
    """
    return isinstance(error, StoreError) and _NEEDS in error.details
