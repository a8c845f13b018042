"""Reading a value that a person wrote: JSON or YAML, strictly and within bounds (SPEC 18)."""

from ductape.catalog.documents import read_json
from ductape.catalog.yaml_reading import PLAIN, Bounds, read_yaml
from ductape.domain.jsonvalue import JsonValue

_STARTS_OF_JSON = ("{", "[", '"')


def read_value(text: str, *, suffix: str = "", bounds: Bounds = PLAIN) -> JsonValue:
    """Return the value of a text; raises `ValidationError` with line and column.

    `suffix` is that of the file it stands in; without one, the first character decides. `bounds`
    are those of YAML, but for the numbers, which are those of both.

    >>> read_value('{"a": 1}'), read_value("a: 1"), read_value("[1, 2]", suffix=".yaml")
    ({'a': 1}, {'a': 1}, [1, 2])
    """
    match suffix.lower():
        case ".json":
            return read_json(text, any_number=bounds.any_number)
        case ".yaml" | ".yml":
            return read_yaml(text, bounds)
        case _:
            if text.lstrip().startswith(_STARTS_OF_JSON):
                return read_json(text, any_number=bounds.any_number)
            return read_yaml(text, bounds)
