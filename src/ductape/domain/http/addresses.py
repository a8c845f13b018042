"""Which texts are addresses on the web: `http` or `https`, with a host."""

from urllib.parse import SplitResult, urlsplit


def web_address(url: str) -> SplitResult | None:
    """Return the parts of a URL on the web; none of any other text.

    >>> [web_address(url) is not None for url in ("https://a.example/x", "file:///x", "http://:0")]
    [True, False, False]
    """
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if whole else None
