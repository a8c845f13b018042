"""Names of files: the good ones stay as they are, and nothing leads out (SPEC 9)."""

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.files.names import LONGEST_SEGMENT, joined, name_faults

GOOD = [
    "a",
    ".hidden",
    "..a",
    "a..b",
    "reports/2026/may.pdf",
    "10:30 report (final) [v2] #1 50%?.txt",
    "müller/größe/日本語.csv",
    "\u0646\u0627\u0645\u0647\u200c\u0647\u0627.txt",
    "👩\u200d👩\u200d👧.png",
    "console.log",
    "a" * LONGEST_SEGMENT,
    "$HOME/`id`",
]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_is_good(name: str) -> None:
    assert name_faults(name, "input.fileName") == []


@pytest.mark.parametrize("value", [None, 5, True, [], {}])
def test_what_is_no_text_is_no_name(value: None) -> None:
    (fault,) = name_faults(value, "input.fileName")
    assert fault["expected"] == "the name of a file"


ODD = st.sampled_from("ab./\\ \0\n\uff0e\u2025\uff0fC:~\u202e")


@given(st.text(alphabet=ODD, max_size=12) | st.text())
def test_no_name_that_passes_leaves_its_folder(name: str) -> None:
    if name_faults(name, "n"):
        return
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(name)
        assert ".." not in path.parts
    assert not PurePosixPath(name).is_absolute()
    assert str(PurePosixPath(name)) == name
    assert joined("prefix", name).startswith("prefix/")
