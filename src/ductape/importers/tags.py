"""Tags made of what others call their things: stable, unique, of the signs that a tag may have."""

import re
from hashlib import blake2b
from unicodedata import normalize

from ductape.domain.product.format.words import LONGEST_NAME

_OTHERS = re.compile(r"[^A-Za-z0-9_.-]+")
_DASHES = re.compile(r"-{2,}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_LONGEST = 150
"""Characters, so that a tag has room for a prefix and a number."""


def tag_of(text: str) -> str:
    """Return a tag for a name; empty where the name has no letter and no figure of ASCII.

    >>> tag_of("repos/get-commit"), tag_of("Größe ändern!"), tag_of("取得")
    ('repos-get-commit', 'Grosse-andern', '')
    """
    plain = normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()
    tag = _DASHES.sub("-", _OTHERS.sub("-", plain)).strip("-.")
    if len(tag) <= _LONGEST:
        return tag
    rest = blake2b(text.encode(errors="replace"), digest_size=4).hexdigest()
    return f"{tag[: _LONGEST - 9].rstrip('-.')}-{rest}"


def is_tag(text: str) -> bool:
    """Tell whether a text can be a tag as it is."""
    return len(text) <= LONGEST_NAME and _TAG.fullmatch(text) is not None


def secret_name(*parts: str) -> str:
    """Return a name for a secret.

    >>> secret_name("git-hub", "bearer auth", "token")
    'git_hub_bearer_auth_token'
    """
    joined = "_".join(tag_of(part) for part in parts if tag_of(part))
    return re.sub(r"[^A-Za-z0-9_]+", "_", joined)[:LONGEST_NAME].strip("_") or "secret"


class Tags:
    """The tags given so far; each is given once."""

    def __init__(self, prefix: str = "") -> None:
        """Begin every tag with a prefix."""
        self._prefix = prefix
        self._given: set[str] = set()
        self._last: dict[str, int] = {}

    def give(self, *names: str) -> str:
        """Return the tag of the first name that has one left, else that of the last, numbered.

        >>> tags = Tags()
        >>> tags.give("list", "get-users"), tags.give("list", "get-orders"), tags.give("list")
        ('list', 'get-orders', 'list-2')
        """
        wished = [tag for name in names if (tag := tag_of(name))] or ["operation"]
        free = next((tag for tag in wished if self._prefix + tag not in self._given), None)
        tag = self._prefix + (free or self._numbered(wished[-1]))
        self._given.add(tag)
        return tag

    def _numbered(self, tag: str) -> str:
        number = self._last.get(tag, 1) + 1
        while f"{self._prefix}{tag}-{number}" in self._given:
            number += 1
        self._last[tag] = number
        return f"{tag}-{number}"
