"""Events that call one another in a circle, or too deep, are refused with the circle named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product
from ductape.domain.product.calls import Calling
from ductape.domain.product.rules.calls import graph_faults
from ductape.errors import ValidationError
from tests.unit.catalog.builders import a_small_document

EVENTS = st.sampled_from("abcdefghij")


def pointing(*edges: str) -> JsonObject:
    """Make a document of jobs that point at one another: `ab` is a at b."""
    jobs: list[JsonValue] = [
        {"tag": tag, "event_type": "job", "event_tag": event} for tag, event in edges
    ]
    return a_small_document(jobs=jobs)


def refused(document: JsonObject) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        parse_product(document)
    return [(one["path"], one["found"]) for one in caught.value.errors]


def test_a_job_that_points_at_itself_is_refused() -> None:
    assert refused(pointing("aa")) == [("jobs[0].event_tag", "a circle: `a` → `a`")]


def test_a_circle_is_told_once_without_what_leads_to_it() -> None:
    found = refused(pointing("xa", "ab", "bc", "ca"))
    assert found == [("jobs[3].event_tag", "a circle: `a` → `b` → `c` → `a`")]


def test_a_circle_through_jobs_quotas_and_fallbacks_is_found() -> None:
    document = a_small_document(
        jobs=[{"tag": "j", "event_type": "fallback", "event_tag": "f"}],
        fallbacks=[{"tag": "f", "options": [{"type": "quota", "event": "q"}]}],
        quotas=[{"tag": "q", "options": [{"type": "job", "event": "j"}]}],
    )
    assert refused(document) == [("quotas[0].options[0].event", "a circle: `j` → `f` → `q` → `j`")]


def test_eight_deep_is_allowed_and_nine_is_not() -> None:
    eight = [*map("".join, zip("abcdefg", "bcdefgh", strict=True))]
    last: JsonObject = {"tag": "h", "handler": "python"}
    document = pointing(*eight)
    jobs = document["jobs"]
    assert isinstance(jobs, list)
    parse_product({**document, "jobs": [*jobs, last]})
    deeper = pointing("xa", *eight)
    jobs = deeper["jobs"]
    assert isinstance(jobs, list)
    ((path, found),) = refused({**deeper, "jobs": [*jobs, last]})
    assert path == "jobs[0].event_tag"
    assert found.startswith("9: `x` → `a` → `b`")


@given(st.lists(st.tuples(EVENTS, EVENTS), max_size=30))
def test_a_graph_is_refused_just_where_it_has_a_circle_or_is_too_deep(
    pairs: list[tuple[str, str]],
) -> None:
    faults = [*graph_faults([Calling(*pair, path="") for pair in pairs])]
    chain = dict.fromkeys(pairs, 2)
    for _ in range(12):
        for caller, callee in pairs:
            beyond = [chain[pair] for pair in pairs if pair[0] == callee]
            chain[caller, callee] = 1 + max(beyond, default=1)
    assert bool(faults) == (max(chain.values(), default=0) > 8)
    circles = [one for one in faults if "circle" in one["found"]]
    assert circles in ([], faults)
