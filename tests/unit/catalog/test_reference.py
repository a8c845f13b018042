"""The reference of the product document says what the format is, all of it."""

import re
from pathlib import Path
from typing import get_args

import pytest
from msgspec import Struct, structs

from ductape.catalog.yaml_reading import read_yaml
from ductape.domain.product import Product, parse_product
from ductape.domain.product.format.document import Period
from ductape.domain.product.walking import things_of

PAGE = (Path(__file__).parents[3] / "docs/reference/product.md").read_text(encoding="utf-8")


def kinds_below(kind: type[Struct]) -> set[type[Struct]]:
    """Return a struct and every struct that its fields are made of."""
    found = {kind}
    for field in structs.fields(kind):
        for inner in _structs_in(field.type):
            found |= kinds_below(inner)
    return found


def _structs_in(annotation: object) -> list[type[Struct]]:
    if isinstance(annotation, type) and issubclass(annotation, Struct):
        return [annotation]
    return [kind for part in get_args(annotation) for kind in _structs_in(part)]


KINDS = sorted(kinds_below(Product), key=lambda kind: kind.__name__)


def test_every_kind_of_thing_is_found() -> None:
    assert {"App", "Action", "Message", "Verify", "AuthEnv"} <= {kind.__name__ for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_key_is_told(kind: type[Struct]) -> None:
    words = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", PAGE))))
    assert words >= set(kind.__struct_encode_fields__)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_arrives_later_is_no_key_yet(kind: type[Struct]) -> None:
    assert not set(getattr(kind, "LATER", ())) & set(kind.__struct_fields__)


def test_every_period_is_told() -> None:
    assert all(f"`{period}`" in PAGE for period in get_args(Period))


def test_the_example_is_a_right_document() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    product = parse_product(read_yaml(example))
    assert len(list(things_of(product))) > 20
