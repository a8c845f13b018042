"""Documents are read safely: bounded, without anchors, tags, doubles or surprises (SPEC 18)."""

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.catalog import load_document
from ductape.catalog.documents import MOST_BYTES
from ductape.catalog.yaml_reading import read_yaml
from ductape.domain.jsonvalue import JsonValue
from ductape.errors import ConfigError, NotFound, ValidationError


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(ValidationError) as caught:
        load_document(path)
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "tag: shop\nenvs:\n  - slug: dev\n"),
        ("a.yml", '{"tag": "shop", "envs": [{"slug": "dev"}]}'),
        ("a.YAML", "\ufefftag: shop\nenvs: [{slug: dev}]"),
        ("a.json", '{"tag": "shop", "envs": [{"slug": "dev"}]}'),
        ("a.toml", 'tag = "shop"\n[[envs]]\nslug = "dev"\n'),
    ],
)
def test_every_form_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    document = {"tag": "shop", "envs": [{"slug": "dev"}]}
    assert load_document(str(written(tmp_path, name, text))) == document


def test_a_mapping_is_copied() -> None:
    given_document: dict[str, object] = {"envs": [{"slug": "dev"}]}
    document = load_document(given_document)
    document["envs"].append("more")
    assert given_document == {"envs": [{"slug": "dev"}]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        ("=", "="),
        ("true", True),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ('"7"', "7"),
        ("7", 7),
        ("-7", -7),
        ("007", 7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("$Secret{a}", "$Secret{a}"),
    ],
)
def test_plain_words_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    read = read_yaml(f"a: {text}")
    assert read == {"a": value}
    assert type(read["a"]) is type(value)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: &x [1]\nb: *x", "an anchor or an alias"),
        ("a: *x", "an anchor or an alias"),
        ("&x a: 1", "an anchor"),
        ("a: 1\na: 2", "'a' again"),
        ("<<: {a: 1}", "a merge"),
        ("a: !!python/object/apply:os.system ['true']", "a tag"),
        ("a: !!binary aGk=", "a tag"),
        ("!!str a: 1", "a tag"),
        ("? [a]\n: 1", "something else"),
        ("a: 1\n---\nb: 2", "a second one"),
        ("a: [1", "line"),
        ("a: .inf", ".inf"),
        ("a: .NaN", ".NaN"),
        ("a: " + "9" * 65, "999"),
        ("a: b: c", "line 1"),
        ("a: \x00", "characters"),
    ],
)
def test_what_yaml_could_hide_is_refused_with_its_place(
    tmp_path: Path, text: str, what: str
) -> None:
    assert what in refused(written(tmp_path, "a.yaml", text))


def test_a_bomb_of_aliases_ends_at_its_first_anchor(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    began = time.perf_counter()
    assert "line 1" in refused(written(tmp_path, "a.yaml", "\n".join(rows)))
    assert time.perf_counter() - began < 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "[" * 1_000_000),
        ("a.yaml", "- " * 1_000_000),
        ("a.yaml", "{a: " * 500_000),
        ("a.json", '{"a":' + "[" * 1_000_000),
        ("a.json", '{"a":' + "[" * 65 + "]" * 65 + "}"),
        ("a.toml", "a = " + "[" * 1_000_000),
        ("a.toml", "a" + ".a" * 65 + " = 1"),
        ("a.toml", "a" + ".a" * 500_000 + " = 1"),
        ("a.toml", "a" + " . 'a'" * 500_000 + " = 1"),
        ("a.toml", "a" * 4_000_000),
        ("a.toml", '"' * 1_000_000),
    ],
)
def test_depth_is_bounded_in_every_form(tmp_path: Path, name: str, text: str) -> None:
    began = time.perf_counter()
    refused(written(tmp_path, name, text))
    assert time.perf_counter() - began < 5


def test_size_is_bounded(tmp_path: Path) -> None:
    assert str(MOST_BYTES) in refused(written(tmp_path, "a.yaml", "#" * (MOST_BYTES + 1)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"a": 1, "a": 2}'),
        ("a.json", '{"a": NaN}'),
        ("a.json", '{"a": ' + "9" * 5_000 + "}"),
        ("a.json", '{"a": 1e999}'),
        ("a.json", '{"a": "\\ud800"}'),
        ("a.json", "{"),
        ("a.json", "[]"),
        ("a.yaml", "just a text"),
        ("a.yaml", ""),
        ("a.toml", "a = 2026-01-01"),
        ("a.toml", "a = nan"),
        ("a.toml", "a = 1\na = 2"),
        ("a.toml", "a"),
        ("a.txt", "tag: shop"),
        ("a", "tag: shop"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, name: str, text: str) -> None:
    refused(written(tmp_path, name, text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: \xff")
    assert "UTF-8" in refused(path)


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.yaml"):
        load_document(tmp_path / "none.yaml")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_document(tmp_path / "a.yaml")


escapable = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=9)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**40), 2**40) | escapable,
        lambda inner: st.lists(inner) | st.dictionaries(escapable, inner),
        max_leaves=9,
    )
)
def test_json_is_yaml_and_means_the_same(value: JsonValue) -> None:
    document = json.dumps({"a": value})
    assert read_yaml(document) == {"a": value}


@given(st.text(alphabet="ab:-?[]{},&*!|>'\"%@`#\n $~.0", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValidationError):
        json.dumps(read_yaml(text))


@pytest.mark.parametrize("given", [None, 5, []])
def test_what_is_neither_a_document_nor_a_path_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="a document, or the path of a file"):
        load_document(given)
