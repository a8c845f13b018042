"""What differs between two documents, thing by thing."""

from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.product import differences
from tests.unit.catalog.builders import a_document


def test_an_equal_document_differs_in_nothing() -> None:
    assert differences(a_document(), a_document()) == []


def test_things_are_found_by_their_names() -> None:
    after = a_document()
    action = after["apps"][0]["actions"][0]
    action["resource"] = "/orders"
    del action["auth"]
    after["jobs"].append({"tag": "sweep", "handler": "python"})
    assert differences(a_document(), after) == [
        {"op": "changed", "path": "apps[partner].actions[create_order].resource"},
        {"op": "removed", "path": "apps[partner].actions[create_order].auth"},
        {"op": "added", "path": "jobs[sweep]"},
    ]


def test_moving_a_thing_changes_nothing_else() -> None:
    after = a_document()
    after["envs"].reverse()
    assert differences(a_document(), after) == []


def test_another_order_of_options_or_steps_is_told() -> None:
    """Which provider is tried first, and which step is taken first, is what they are about."""
    options = [{"tag": "us", "event": "a"}, {"tag": "eu", "event": "b"}]
    changed = {"tag": "us", "event": "c"}
    assert differences(
        {"fallbacks": [{"tag": "ship", "options": options}]},
        {"fallbacks": [{"tag": "ship", "options": [options[1], changed]}]},
    ) == [
        {"op": "changed", "path": "fallbacks[ship].options"},
        {"op": "changed", "path": "fallbacks[ship].options[us].event"},
    ]
    assert differences({"events": options}, {"events": options[::-1]}) == [
        {"op": "changed", "path": "events"}
    ]
    more = [{"tag": "new"}, *options]
    assert differences({"options": options}, {"options": more}) == [
        {"op": "added", "path": "options[new]"}
    ]


def test_a_whole_section_is_told_thing_by_thing() -> None:
    after = a_document()
    del after["functions"]
    assert differences(a_document(), after) == [{"op": "removed", "path": "functions[add]"}]


def test_a_list_without_names_is_one_value() -> None:
    assert differences({"a": [1, 2]}, {"a": [2, 1]}) == [{"op": "changed", "path": "a"}]


json_objects = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 2),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["tag", "a"]), inner)
        ),
        max_leaves=6,
    ),
)


@given(json_objects, json_objects)
def test_there_and_back_mirror_each_other(one: dict[str, object], two: dict[str, object]) -> None:
    mirrored = {"added": "removed", "removed": "added", "changed": "changed"}
    there = {(mirrored[change["op"]], change["path"]) for change in differences(one, two)}
    assert there == {(change["op"], change["path"]) for change in differences(two, one)}
