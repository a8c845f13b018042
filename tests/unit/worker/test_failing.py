"""What is kept of a handler's error holds nothing of a session or a secret."""

import pytest

from ductape.errors import ProviderError
from ductape.worker.failing import failure_of


@pytest.mark.parametrize(
    ("code", "kept"),
    [("ID-tok-123", "ID-***"), ("TIMEOUT", "TIMEOUT"), ("CARD_REFUSED", "CARD_REFUSED")],
)
def test_a_code_of_one_s_own_is_masked_and_a_known_one_stays(code: str, kept: str) -> None:
    error = ProviderError(code, "no: tok-123")
    stored = failure_of(error, now_ms=1, sensitive=("tok-123", "TIMEOUT")).error
    assert (stored.code, stored.message) == (kept, "no: ***")
