"""One word for one thing: the glossary's, and none of those that others use for the same."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import MODULES, ROOT, named

GLOSSARY = ROOT / "docs/glossary.md"

INSTEAD_OF = {
    "backlog": "queue",
    "cronjob": "recurring job",
    "crontab": "recurrence",
    "daemon thread": "thread",
    "dequeue": "claim",
    "enqueue": "dispatch",
    "executor": "worker",
    "job runner": "worker",
    "message queue": "queue",
    "poller": "lane",
    "recurring task": "recurring job",
    "requeue": "give back",
    "task queue": "queue",
    "tenant": "product",
    "worker pool": "worker",
    "workflow": "feature",
    "zombie": "lost run",
}
"""What others say, and what we say."""

THE_LANGUAGE_S_OWN = {"ThreadPoolExecutor", "run_in_executor"}

_ROW = re.compile(r"^\| (?P<word>[^|]+) \| (?P<meaning>[^|]+) \|$", re.MULTILINE)
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def test_no_other_word_is_used_for_what_the_glossary_names() -> None:
    found = sorted({f"{place}: {word}, say {INSTEAD_OF[word]}" for place, word in _strangers()})
    assert not found, "; ".join(found)


def test_the_glossary_is_in_order_and_says_one_line_each() -> None:
    words = [word for word, _ in _rows()]
    assert words == sorted(words)
    assert len(words) == len(set(words))
    assert all(not meaning.endswith(".") for _, meaning in _rows())


def test_the_glossary_has_every_word_that_we_say_instead() -> None:
    known = {word for word, _ in _rows()}
    said = {
        "claim",
        "fence",
        "handler",
        "lane",
        "lease",
        "product",
        "queue",
        "recurrence",
        "worker",
    }
    assert said <= known


def _rows() -> list[tuple[str, str]]:
    rows = _ROW.findall(GLOSSARY.read_text(encoding="utf-8"))
    return [(word, meaning) for word, meaning in rows if word not in {"word", "---"}]


def _strangers() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        for text in _said(module):
            for word in INSTEAD_OF:
                if re.search(rf"\b{word}s?\b", text):
                    yield named(module), word


def _said(module: Path) -> Iterator[str]:
    """Go through comments, strings and names, split into words in small letters."""
    code = io.StringIO(module.read_text(encoding="utf-8"))
    for token in tokenize.generate_tokens(code.readline):
        match token.type:
            case tokenize.COMMENT | tokenize.STRING:
                yield token.string.lower()
            case tokenize.NAME if token.string not in THE_LANGUAGE_S_OWN:
                yield " ".join(_PARTS.findall(token.string)).lower()
            case _:
                continue
