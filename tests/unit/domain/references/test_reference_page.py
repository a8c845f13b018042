"""The page that users read names what the grammar has."""

from pathlib import Path

import pytest

from ductape.domain.references.names import REFERENCES
from ductape.domain.references.operators import OPERATORS

PAGE = (Path(__file__).parents[4] / "docs/reference/references.md").read_text(encoding="utf-8")

USAGES = [kind.usage for kind in REFERENCES.values()] + [each.usage for each in OPERATORS.values()]


@pytest.mark.parametrize("usage", USAGES)
def test_the_page_has_a_row_for_everything_that_exists(usage: str) -> None:
    assert f"| `{usage}` |" in PAGE
