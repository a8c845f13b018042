"""The tables of what went wrong have every message that a store may give, in its own words."""

import pytest

from ductape.stores.postgres.server import faults
from ductape.stores.sqlite.file import opening
from tests.architecture.source import ROOT

HOWTO = ROOT / "docs/howto"
ON_A_SERVER = {said for said, _ in [*faults._BY_CODE.values(), faults._OUT_OF_REACH]}
IN_A_FILE = {said for said, _ in opening._MEANINGS.values()}


@pytest.mark.parametrize(
    ("page", "said"),
    [
        *(("postgres.md", said) for said in sorted(ON_A_SERVER)),
        *(("operating.md", said) for said in sorted(IN_A_FILE)),
    ],
)
def test_a_message_is_in_its_page(page: str, said: str) -> None:
    assert f"| {said} |" in (HOWTO / page).read_text(encoding="utf-8")
