"""The text part of an e-mail, derived from its HTML part for those who read no HTML."""

import re
from html import unescape
from html.parser import HTMLParser

_MARKUP = re.compile(r"<[A-Za-z!/]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_UNSEEN = frozenset({"head", "script", "style", "template", "title"})
_PARAGRAPHS = frozenset(
    {
        "address",
        "article",
        "blockquote",
        "div",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "ul",
    }
)
_LINES = frozenset({"br", "li", "tr"})


def has_markup(text: str) -> bool:
    """Tell whether a text is HTML.

    >>> has_markup("<p>Hello</p>"), has_markup("1 < 2"), has_markup("Q &amp; A"), has_markup("Q&A")
    (True, False, True, False)
    """
    if _MARKUP.search(text):
        return True
    return any(unescape(found[0]) != found[0] for found in _ENTITY.finditer(text))


def text_of(html: str) -> str:
    """Return what a reader of the HTML sees: paragraphs apart, links with their address.

    >>> print(text_of('<h1>Hi &amp; hello</h1><p>See <a href="https://a.example">this</a>.</p>'))
    Hi & hello
    <BLANKLINE>
    See this (https://a.example).
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return _tidied("".join(reader.pieces))


class _Reader(HTMLParser):
    """Collects the visible text; the standard library's parser wants to be subclassed."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._unseen = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line or a paragraph, or note where a link leads."""
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in _PARAGRAPHS:
            self.pieces.append("\n\n")
        elif tag in _LINES:
            self.pieces.append("\n- " if tag == "li" else "\n")
        elif tag in {"td", "th"}:
            self.pieces.append(" ")
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")
        elif tag == "img":
            self.pieces.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        """End a paragraph, or write a link's address after its text."""
        if tag in _UNSEEN:
            self._unseen = max(self._unseen - 1, 0)
        elif tag in _PARAGRAPHS:
            self.pieces.append("\n\n")
        elif tag == "a" and self._links:
            self._close_link(self._links.pop())

    def handle_data(self, data: str) -> None:
        """Keep visible text, white space as HTML has it."""
        if not self._unseen:
            self.pieces.append(re.sub(r"\s+", " ", data))

    def _close_link(self, address: str) -> None:
        if address and not (self.pieces and self.pieces[-1].strip() == address):
            self.pieces.append(f" ({address})")


def _tidied(text: str) -> str:
    lines = [re.sub(r" {2,}", " ", line).strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
