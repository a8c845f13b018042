"""What is kept of a handler's error holds nothing of a session or a secret."""

import pytest

from ductape.errors import Conflict, ProviderError
from ductape.worker.attempt.details import LONGEST_DETAILS
from ductape.worker.attempt.failing import Telling, failure_of


@pytest.mark.parametrize(
    ("code", "kept"),
    [("ID-tok-123", "ID-***"), ("TIMEOUT", "TIMEOUT"), ("CARD_REFUSED", "CARD_REFUSED")],
)
def test_a_code_of_one_s_own_is_masked_and_a_known_one_stays(code: str, kept: str) -> None:
    error = ProviderError(code, "no: tok-123")
    stored = failure_of(error, Telling(1, ("tok-123", "TIMEOUT"))).error
    assert (stored.code, stored.message) == (kept, "no: ***")


def details_of(error: Exception, *sensitive: str, quotes: bool = True) -> object:
    return failure_of(error, Telling(1, sensitive, quotes)).error.details


def test_what_a_provider_says_is_kept_and_masked() -> None:
    said = {"status": 402, "body": "no card for tok-123", "of": ["tok-123"]}
    error = ProviderError("PROVIDER_ERROR", "no", details=said)
    assert details_of(error, "tok-123") == {
        "status": 402,
        "body": "no card for ***",
        "of": ["***"],
    }
    assert details_of(Conflict("no", details={"stranded": 2})) == {"stranded": 2}


def test_where_something_is_sensitive_a_provider_is_not_quoted() -> None:
    failed = {"email": {"code": "PROVIDER_ERROR", "smtp_code": 554, "reply": "no Ada here"}}
    error = ProviderError("PROVIDER_ERROR", "no", details={"body": "Ada", "failed": failed})
    assert details_of(error, quotes=False) == {
        "failed": {"email": {"code": "PROVIDER_ERROR", "smtp_code": 554}}
    }


def test_details_that_are_no_json_or_too_large_are_left_out() -> None:
    parts = {"status": 500, "thing": object(), "number": float("nan"), "text": "x" * 50_000}
    error = ProviderError("PROVIDER_ERROR", "no", details={**parts, "last": 1})
    assert LONGEST_DETAILS < 50_000
    assert details_of(error) == {"status": 500, "last": 1}
    assert details_of(ProviderError("TIMEOUT", "no")) is None
    assert details_of(RuntimeError("no")) is None
