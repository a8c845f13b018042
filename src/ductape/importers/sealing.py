"""Credentials in other people's documents: what looks like one is never written out (SPEC 8).

A value is one by its name or by its looks. In texts for people it is masked, in values it
becomes a reference to a secret.
"""

import re
from collections.abc import Iterator

from ductape.domain.found import MASK, secret
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.product.rules.credentials import names_credential

_TELLING = frozenset({"auth", "key", "pass", "pwd", "sid", "sig", "sign", "signature", "session"})
_LOOKS = re.compile(
    r"""
    \b(?:sk|pk|rk|whsec|tok)_(?:live|test)?_?[A-Za-z0-9]{8,}          # Stripe and its pupils
    | \b(?:ghp|gho|ghu|ghs|ghr|github_pat|glpat|npm|dop_v1|hf)[_-][A-Za-z0-9_]{16,}
    | \bxox[abeoprs]-[A-Za-z0-9-]{8,}                                 # Slack
    | \b(?:AKIA|ASIA|AIza|SG\.|SK|AC)[A-Za-z0-9_.-]{16,}\b
    | \beyJ[A-Za-z0-9_-]{2000,}(?:\.[A-Za-z0-9_.-]*)?     # a JWT; no start looks far without a find
    | \beyJ[A-Za-z0-9_-]{8,1999}+\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?
    | -----BEGIN[ ][A-Z ]+-----(?:[^-]+-----END[ ][A-Z ]+-----)?
    | (?i:\b(?:bearer|basic)[ ]+[A-Za-z0-9+/_.=~-]{12,})
    | (?<=://)[^\s/:@]+:[^\s/@]+(?=@)                                 # in a URL
    """,
    re.VERBOSE,
)


def names_secret(name: str) -> bool:
    """Tell whether a name says that its value opens something.

    >>> [names_secret(name) for name in ("X-Api-Key", "sig", "accessToken", "monkey", "limit")]
    [True, True, True, False, False]
    """
    return names_credential(name) or secret(name) or name.lower() in _TELLING


def looks_secret(value: JsonValue) -> bool:
    """Tell whether a text looks like something that opens.

    >>> looks_secret("sk_test_4eC39HqLyjWDarjtT1zdp7dc"), looks_secret("sku-4711")
    (True, False)
    """
    return isinstance(value, str) and _LOOKS.search(value) is not None


def scrubbed(text: str) -> str:
    """Return a text for people without what looks like a credential.

    >>> scrubbed("curl -u sk_test_4eC39HqLyjWDarjtT1zdp7dc: …")
    'curl -u ***: …'
    """
    return _LOOKS.sub(MASK, text)


def parts_of(text: str) -> Iterator[tuple[str, bool]]:
    """Yield a text part by part, each with whether it looks like something that opens.

    >>> [*parts_of("key sk_test_4eC39HqLyjWDarjtT1zdp7dc")]
    [('key ', False), ('sk_test_4eC39HqLyjWDarjtT1zdp7dc', True), ('', False)]
    """
    at = 0
    for found in _LOOKS.finditer(text):
        yield text[at : found.start()], False
        yield found[0], True
        at = found.end()
    yield text[at:], False


def without_secrets(path: str) -> str:
    """Return a path for people, what opens something in its query masked.

    >>> without_secrets("/list?action=all&api_key=abc123")
    '/list?action=all&api_key=***'
    """
    before, mark, query = path.partition("?")
    pairs = [one.partition("=") for one in query.split("&")]
    kept = [(name, is_, MASK if names_secret(name) else value) for name, is_, value in pairs]
    return scrubbed(before) + mark + "&".join(map("".join, kept))


def escaped(text: str) -> str:
    """Return a text that says itself wherever references are resolved.

    >>> escaped("/users/$count")
    '/users/$$count'
    """
    return text.replace("$", "$$")
