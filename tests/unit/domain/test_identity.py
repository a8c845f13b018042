"""What a request under a known key is: the job itself, a new definition, or a conflict (SPEC 1)."""

import pytest

from ductape.domain.identity import KeyHolder, Verdict, conflict_reason, weigh


def a_holder(*, recurring: bool) -> KeyHolder:
    return KeyHolder(job_id="job-1", digest=b"old", event="ship", recurring=recurring)


def test_a_key_that_nobody_holds_is_free() -> None:
    assert weigh(None, digest=b"new", event="ship", recurring=False) == "add"


@pytest.mark.parametrize("recurring", [True, False])
def test_an_equal_request_is_the_job_itself(*, recurring: bool) -> None:
    held = a_holder(recurring=recurring)
    assert weigh(held, digest=b"old", event="ship", recurring=recurring) == "same"


@pytest.mark.parametrize(
    ("held_recurring", "recurring", "event", "verdict"),
    [
        (False, False, "ship", "conflict"),
        (True, True, "ship", "replace"),
        (True, True, "bill", "conflict"),
        (False, False, "bill", "conflict"),
        (True, False, "ship", "conflict"),
        (False, True, "ship", "conflict"),
    ],
)
def test_a_different_request_replaces_only_a_recurrence_of_the_same_event(
    *, held_recurring: bool, recurring: bool, event: str, verdict: Verdict
) -> None:
    held = a_holder(recurring=held_recurring)
    assert weigh(held, digest=b"new", event=event, recurring=recurring) == verdict


@pytest.mark.parametrize(
    ("held_recurring", "recurring", "event", "words"),
    [
        (False, False, "bill", "is for the event `ship`, not `bill`"),
        (True, False, "ship", "is recurring; this request is for once"),
        (False, True, "ship", "is for once; this request is recurring"),
        (False, False, "ship", "was asked for with other values"),
    ],
)
def test_a_conflict_names_the_job_and_the_difference(
    *, held_recurring: bool, recurring: bool, event: str, words: str
) -> None:
    reason = conflict_reason(a_holder(recurring=held_recurring), event=event, recurring=recurring)
    assert reason == f"the key belongs to job job-1, which {words}"
