"""What a text of a definition says of secrets: that it holds one, that it is one alone."""

from ductape.domain.references import parse, uses
from ductape.domain.references.syntax import Reference


def holds_secret(text: str) -> bool:
    """Tell whether a text brings in a secret."""
    return any(use.name == "Secret" for use in uses(text))


def secret_alone(text: str) -> str | None:
    """Return the name of the secret that a text is and nothing more.

    >>> secret_alone("$Secret{key}"), secret_alone("Bearer $Secret{key}")
    ('key', None)
    """
    alone = parse(text).alone
    return alone.path[0] if isinstance(alone, Reference) and alone.name == "Secret" else None
