"""Puts tables where they stand in `docs/explanation/scale.md`: between two comments of one name."""

import re
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "scale.md"


def put(tables: Mapping[str, str], page: Path = PAGE) -> None:
    """Put each table in its place; raises `KeyError` for a place that none is for."""
    page.write_text(filled(page.read_text(encoding="utf-8"), tables), encoding="utf-8")


def filled(text: str, tables: Mapping[str, str]) -> str:
    r"""Return the page with the tables in their places.

    >>> filled("<!-- table: a -->\nold\n<!-- end -->", {"a": "new"})
    '<!-- table: a -->\nnew\n<!-- end -->'
    """
    return re.sub(
        r"(<!-- table: (.+?) -->\n).*?(?=<!-- end -->)",
        lambda found: f"{found[1]}{tables[found[2]]}\n",
        text,
        flags=re.DOTALL,
    )
