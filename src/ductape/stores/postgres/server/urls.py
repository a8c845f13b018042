"""A store's URL as people and logs may see it; needs nothing that speaks to PostgreSQL."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit


def shown(url: str) -> str:
    """Return a URL without its password, wherever it stands.

    >>> shown("postgresql://ada:secret@db:5432/jobs?password=x&schema=a")
    'postgresql://ada@db:5432/jobs?schema=a'
    """
    parts = urlsplit(url)
    login, at, hosts = parts.netloc.rpartition("@")
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if "pass" not in k]
    return urlunsplit(
        parts._replace(
            netloc=login.partition(":")[0] + at + hosts, query=urlencode(query, quote_via=quote)
        )
    )
