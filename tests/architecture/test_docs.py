"""The documentation is whole and true: links lead somewhere, made parts are current."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_type_hints

import pytest

from docs.generate import DOCS, MEANINGS, remade
from ductape.app.configuration.settings import Settings
from ductape.domain.types import IJobProcessorInput, IJobRepeatOptions, IRetryConfig
from ductape.domain.wire import AttemptView, JobView, Receipt
from tests.architecture.source import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
DECISIONS = sorted((DOCS / "adr").glob("*.md"))
PARTS_OF_A_DECISION = ["What", "Why", "What else was weighed", "What it costs"]
LONGEST_DECISION = 70
LONGEST_LINE = 110

REGISTRIES = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"))]
REGISTRIES += [".".join(("registry", *parts)) for parts in (("npmjs", "org"), ("yarnpkg", "com"))]
"""Hosts that no file may name: where packages come from is the machine's business."""

TRACKED = ("src", "tests", "docs", "examples", "bench", "requirements", ".ci")

_LINK = re.compile(r"(?<!`)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ON_THE_PATH = 'export PATH="$PWD/.venv/bin:$PATH"'
"""What makes `python` and `ductape` those of the checkout."""
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _shown(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def _anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(_prose(page))
    return {re.sub(r"[^a-z0-9 _-]", "", text.lower()).replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", PAGES, ids=_shown)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(_dead_links(page)) == []


def _dead_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            yield link


def test_every_page_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    waiting = [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        links = (link.partition("#")[0] for link in _LINK.findall(_prose(page)))
        waiting += [(page.parent / link).resolve() for link in links if ":" not in link]
    assert [_shown(page) for page in PAGES if page.is_relative_to(DOCS) and page not in seen] == []


@pytest.mark.parametrize("page", PAGES, ids=_shown)
def test_what_is_made_from_the_code_is_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == remade(text), "run `make docs`"


@pytest.mark.parametrize(
    ("page", "part"),
    [
        ("reference/errors.md", "errors"),
        ("reference/errors.md", "provider_codes"),
        ("reference/settings.md", "settings"),
        ("explanation/guarantees.md", "states"),
    ],
)
def test_a_page_has_the_part_that_is_made_for_it(page: str, part: str) -> None:
    assert f"<!-- made from {part} -->" in (DOCS / page).read_text(encoding="utf-8")


def test_every_setting_has_a_meaning_and_no_other_has() -> None:
    assert set(MEANINGS) == set(_paths(Settings, ""))


def _paths(kind: type, prefix: str) -> Iterator[str]:
    for name, hint in get_type_hints(kind).items():
        if name.startswith("__"):
            continue
        if hasattr(hint, "__struct_fields__"):
            yield from _paths(hint, f"{name}.")
        else:
            yield f"{prefix}{name}"


@pytest.mark.parametrize(
    ("page", "shape"),
    [
        ("reference/job.md", IJobProcessorInput),
        ("reference/job.md", IRetryConfig),
        ("reference/job.md", Receipt),
        ("reference/job.md", JobView),
        ("reference/job.md", AttemptView),
        ("reference/repeat.md", IJobRepeatOptions),
    ],
)
def test_a_page_tells_of_every_field_of_a_shape(page: str, shape: type) -> None:
    words = set(re.findall(r"\w+", " ".join(_code_in(DOCS / page))))
    assert [name for name in shape.__annotations__ if name not in words] == []


def _code_in(page: Path) -> list[str]:
    return re.findall(r"`([^`]+)`", _prose(page))


@pytest.mark.parametrize("page", DECISIONS, ids=_shown)
def test_a_decision_says_what_and_why_and_what_else_on_one_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    title, *parts = _HEADING.findall(text)
    assert title.startswith(f"{page.name[:4]}: ")
    assert parts == PARTS_OF_A_DECISION
    assert len(text.splitlines()) <= LONGEST_DECISION


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(page.name[:4]) for page in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = _packages(project["dependencies"])
    extras: dict[str, list[str]] = project["optional-dependencies"]
    (everything,) = extras.pop("all")
    assert everything == f"{project['name']}[{','.join(sorted(extras))}]"
    optional = _packages(line for lines in extras.values() for line in lines)
    rows = re.compile(r"^\| ([a-z0-9-]+) \|", re.MULTILINE)
    told = set(rows.findall(_prose(DOCS / "adr/0009-dependencies.md")))
    named = told - {"package", "---"}
    assert needed <= named
    assert named <= needed | optional


def _packages(lines: Iterable[str]) -> set[str]:
    return {re.split(r"[<>=\[]", line)[0].lower() for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=_shown)
def test_prose_is_wrapped(page: Path) -> None:
    lines = _prose(page).splitlines()
    long = [line for line in lines if len(line) > LONGEST_LINE and not line.startswith("|")]
    assert long == []


def test_no_file_names_a_package_registry() -> None:
    assert [_shown(path) for path in _tracked() if _names_a_registry(path)] == []


def _tracked() -> Iterator[Path]:
    for name in TRACKED:
        yield from (path for path in (ROOT / name).rglob("*") if "__pycache__" not in path.parts)
    yield from ROOT.iterdir()


def _names_a_registry(path: Path) -> bool:
    if not path.is_file():
        return False
    content = path.read_bytes()
    return any(host.encode() in content for host in REGISTRIES)


@pytest.mark.parametrize("page", sorted((ROOT / "examples").glob("*/README.md")), ids=_shown)
def test_an_example_can_be_run_from_a_fresh_checkout(page: Path) -> None:
    first, *_ = blocks = _SHELL.findall(page.read_text(encoding="utf-8"))
    assert first.startswith("make ")
    found = False
    for line in "".join(blocks).splitlines():
        found = found or line == _ON_THE_PATH
        assert found or not line.startswith(("python ", "ductape ")), line
