"""Whatever the text: no crash, no second parse, no lost type, no way round the escape."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ductape.domain.jsonvalue import JsonValue
from ductape.domain.references import (
    Scope,
    check,
    literal,
    needs_resolving,
    parse,
    resolve,
    scope,
    sensitive_texts,
    tree_source,
    uses,
)
from ductape.domain.references.names import REFERENCES
from ductape.domain.references.operators import OPERATORS
from ductape.domain.references.syntax import Text
from ductape.errors import ValidationError

NAMES = [*REFERENCES, *OPERATORS, "session", "Sesion", "price"]

tokens = st.one_of(
    st.sampled_from([f"${name}" for name in NAMES]),
    st.sampled_from(["$", "$$", "{", "}", "(", ")", "[", "]", ",", " ", "'", '"', "\\", "\\u00e9"]),
    st.sampled_from(["{a}", "{b}{0}", "('x', 1)", "(1, -2.5e3)", "true", "null", "1e999", "[]"]),
    st.text(max_size=3),
)
hostile = st.lists(tokens, max_size=25).map("".join)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    hostile,
)


def members(inner: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    keys = st.one_of(st.sampled_from(["a", "$literal", "headers"]), st.text(max_size=3))
    return st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)


values: st.SearchStrategy[JsonValue] = st.recursive(scalars, members, max_leaves=12)
encodable = values.filter(lambda value: "\\ud" not in json.dumps(value))


def refusal(value: JsonValue, given_scope: Scope) -> ValidationError | None:
    try:
        resolve(value, given_scope)
    except ValidationError as error:
        return error
    return None


def a_scope(value: JsonValue) -> Scope:
    sources = {name: tree_source({"a": value, "b": [value]}) for name in REFERENCES}
    return scope(sources, 1_764_000_000_000)


@given(hostile)
def test_the_parser_never_raises_and_loses_no_plain_text(text: str) -> None:
    template = parse(text)
    assert all(0 <= flaw.at <= len(text) for flaw in template.flaws)
    plain = sum(len(part.text) for part in template.parts if isinstance(part, Text))
    assert plain <= len(text)
    if not template.uses and not template.flaws:
        assert "".join(part.text for part in template.parts if isinstance(part, Text)) == (
            text.replace("$$", "$")
        )


@given(values, encodable)
@settings(max_examples=150)
def test_resolving_gives_a_value_or_faults_with_their_paths(
    value: JsonValue, brought: JsonValue
) -> None:
    error = refusal(value, a_scope(brought))
    faults, _ = check(value, live=frozenset(REFERENCES))
    assert error is not None or faults == []
    assert error is None or all(fault["path"].startswith("input") for fault in error.errors)


@given(values, encodable)
def test_what_to_mask_is_told_of_any_value(value: JsonValue, brought: JsonValue) -> None:
    assert all(isinstance(text, str) for text in sensitive_texts(value, a_scope(brought)))


@given(hostile)
@example("$$Session{a}$Now()$")
def test_a_text_with_every_dollar_doubled_stands_for_itself(text: str) -> None:
    assert resolve(text.replace("$", "$$"), a_scope("x")) == text


@given(values)
def test_a_literal_stands_for_itself(value: JsonValue) -> None:
    assert resolve({"x": [literal(value)]}, a_scope("x")) == {"x": [value]}


@given(values)
def test_a_reference_alone_is_the_very_value(value: JsonValue) -> None:
    assert resolve({"x": "$Session{a}"}, a_scope(value)) == {"x": value}


@given(hostile)
def test_what_is_brought_in_is_not_parsed(text: str) -> None:
    assert resolve("<$Session{a}|$Concat([$Input{b}{0}], '')>", a_scope(text)) == f"<{text}|{text}>"


@given(values)
def test_a_value_without_references_is_unchanged(value: JsonValue) -> None:
    if not needs_resolving(value):
        assert resolve(value, a_scope("x")) is value
        assert uses(value) == ()


@given(hostile)
@example("$Default($Input{lost}, $Secret{a})")
@example("$Uppercase($Secret{a})")
def test_a_text_that_passes_the_check_never_reaches_a_secret(text: str) -> None:
    sources = {name: tree_source({"a": "x", "b": ["x"]}) for name in REFERENCES}
    secret = {"Secret": tree_source({"a": "S3CR3T", "b": ["S3CR3T"]})}
    try:
        resolved = resolve(text, scope(sources | secret, 0))
    except ValidationError:
        return
    faults, _ = check(text, live=frozenset(REFERENCES) - {"Secret"})
    assert faults or "S3CR3T" not in str(resolved)
