"""Saying that something does not exist, and what does (SPEC 1: naming what exists)."""

from collections.abc import Sequence

from ductape.domain.found import listed, shortened
from ductape.domain.parsing.nearest import hint_for
from ductape.errors import NotFound

_NAMES_SHOWN = 20


def no_such(path: str, what: str, name: str, existing: Sequence[str]) -> NotFound:
    """Build the error of a name that nothing has.

    >>> print(no_such("env", "env of product `shop`", "prod", ["dev", "prd"]))
    there is no env of product `shop` called `prod` (did you mean `prd`? there are `dev`, `prd`)
    """
    hint = there_are(existing, name)
    message = f"there is no {what} called `{shortened(name)}` ({hint})"
    return NotFound(message, path=path, hint=hint, details={"existing": list(existing)})


def there_are(existing: Sequence[str], name: str) -> str:
    """List what exists, the nearest to a name first.

    >>> there_are(["dev"], "x"), there_are([], "x")
    ('there is `dev`', 'there is none')
    """
    if not existing:
        return "there is none"
    nearest = hint_for(name, existing, {})
    meant = f"{nearest} " if nearest.startswith("did you mean") else ""
    left = len(existing) - _NAMES_SHOWN
    more = f" and {left} more" if left > 0 else ""
    verb = "is" if len(existing) == 1 else "are"
    return f"{meant}there {verb} {listed(existing[:_NAMES_SHOWN])}{more}"
