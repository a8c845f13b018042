"""What is kept of a handler's error holds nothing of a session or a secret."""

import traceback

import pytest

from ductape.errors import Conflict, ProviderError
from ductape.worker.attempt.details import LONGEST_DETAILS
from ductape.worker.attempt.failing import LONGEST_TRACEBACK, Telling, failure_of


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


def deep(count: int, error: Exception) -> None:
    """Raise an error from under many calls."""
    if count:
        deep(count - 1, error)
    raise error


def traceback_of(error: Exception, *secrets: str) -> str:
    """Return what is stored of the traceback of an error that is raised."""
    try:
        deep(3, error)
    except Exception as raised:  # noqa: BLE001 (whatever is to be told)
        kept = failure_of(raised, Telling(0, secrets)).error.traceback
    assert kept is not None
    assert len(kept) <= LONGEST_TRACEBACK
    return kept


@pytest.mark.parametrize("message", ["x" * 1_000_000, "line\n" * 200_000])
def test_a_long_message_leaves_the_frames(message: str) -> None:
    kept = traceback_of(ValueError(f"begin {message} end"))
    assert kept.startswith("Traceback (most recent call last):")
    assert kept.count("deep(count - 1, error)") == 3
    assert "raise error" in kept
    assert "ValueError: begin" in kept
    assert kept.endswith(" end\n")
    assert "characters are left out" in kept


def test_each_message_of_a_chain_is_shortened() -> None:
    error = ValueError("b" * 100_000)
    error.__cause__ = KeyError("c" * 100_000)
    error.add_note("n" * 100_000)
    kept = traceback_of(error)
    assert "direct cause" in kept
    assert "KeyError: 'ccc" in kept
    assert "ValueError: bbb" in kept
    assert "raise error" in kept


def test_a_secret_at_the_cut_is_masked() -> None:
    secret = "s3cr3t-" * 20
    for at in range(1_900, 2_100, 7):
        kept = traceback_of(
            ValueError("x" * at + secret + "x" * 10_000 + secret + "x" * at), secret
        )
        assert "s3cr3t" not in kept


def test_a_short_traceback_is_kept_as_it_is() -> None:
    error = ValueError("short")
    kept = traceback_of(error)
    assert kept == "".join(traceback.format_exception(error))
