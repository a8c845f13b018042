"""The page of the commands is what the commands say."""

from pathlib import Path

from ductape.cli.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


def test_the_page_is_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == page(), "run `make docs`"


def test_every_command_and_option_is_explained() -> None:
    for line in page().splitlines():
        if line.startswith("| `"):
            explained = line.split(" | ", 1)[1]
            assert explained.strip(" |"), line
