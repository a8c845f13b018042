"""SPEC 12 and 5: what a status means, and how long `Retry-After` asks to wait."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.http.answer import (
    MOST_QUOTED_BYTES,
    Answer,
    body_value,
    code_for_status,
    quoted,
    refuse_status,
    retry_after_ms,
)
from ductape.errors import PROVIDER_CODES, ProviderError

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, None),
        (204, None),
        (302, None),
        (400, "VALIDATION_ERROR"),
        (401, "UNAUTHORIZED"),
        (403, "FORBIDDEN"),
        (404, "NOT_FOUND"),
        (408, "TIMEOUT"),
        (409, "PROVIDER_ERROR"),
        (410, "NOT_FOUND"),
        (422, "VALIDATION_ERROR"),
        (429, "RATE_LIMITED"),
        (500, "PROVIDER_ERROR"),
        (502, "PROVIDER_ERROR"),
        (503, "SERVICE_UNAVAILABLE"),
        (504, "TIMEOUT"),
    ],
)
def test_each_status_has_its_code(status: int, code: str | None) -> None:
    assert code_for_status(status) == code


@given(st.integers(100, 999))
def test_every_code_is_a_known_one(status: int) -> None:
    assert code_for_status(status) in PROVIDER_CODES | {None}


@pytest.mark.parametrize(
    ("text", "waited"),
    [
        ("0", 0),
        ("30", 30_000),
        (" 30 ", 30_000),
        ("90000", DAY_MS),
        ("9" * 5_000, DAY_MS),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("Fri, 15 Jan 2027 08:00:10 GMT", 10_000),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("Fri, 15 Jan 2027 09:00:10 +0100", 10_000),
        ("Sat, 15 Jan 2028 08:00:00 GMT", DAY_MS),
    ],
)
def test_retry_after_takes_seconds_and_dates(text: str, waited: int | None) -> None:
    assert retry_after_ms({"retry-after": text}, 1_800_000_000_000) == waited


@given(st.text(max_size=60))
def test_no_retry_after_breaks_the_reader_or_its_bound(text: str) -> None:
    waited = retry_after_ms({"retry-after": text}, 1_800_000_000_000)
    assert waited is None or 0 <= waited <= DAY_MS


def test_a_refused_status_tells_status_wait_and_body_without_secrets() -> None:
    answer = Answer(503, {"retry-after": "7"}, b"token s3cr3t is tired")
    with pytest.raises(ProviderError) as raised:
        refuse_status(answer, asked="POST /orders/:id", now_ms=0, secrets=("s3cr3t",))
    error = raised.value
    assert (error.code, error.retry_after_ms) == ("SERVICE_UNAVAILABLE", 7_000)
    assert error.message == "POST /orders/:id answered 503"
    assert error.details == {"status": 503, "body": "token *** is tired"}


@given(st.binary(max_size=3 * MOST_QUOTED_BYTES))
def test_a_quoted_body_is_text_of_at_most_two_kibibytes(body: bytes) -> None:
    assert len(quoted(body).encode()) <= MOST_QUOTED_BYTES


CHARSETS = ["", "utf-8", "utf-16", "utf-7", "latin1", "idna", "hex", "undefined", "unicode_escape"]
ACCENT = '{"a": "é"}'


@pytest.mark.parametrize(
    ("mime", "body", "value"),
    [
        ("application/json", b"\xef\xbb\xbf" + ACCENT.encode(), {"a": "é"}),
        ("application/json; charset=utf-16", ACCENT.encode("utf-16"), {"a": "é"}),
        ("application/json; charset=utf-16le", ACCENT.encode("utf-16-le"), {"a": "é"}),
        ("application/json; charset=ISO-8859-1", ACCENT.encode("latin-1"), {"a": "é"}),
        ("application/problem+json; charset=latin1", ACCENT.encode(), {"a": "é"}),
        ("application/json; charset=latin1", '{"a": é'.encode("latin-1"), '{"a": é'),
        ("application/json", ACCENT.encode("latin-1"), "eyJhIjogIukifQ=="),
        ("application/json; charset=klingon", ACCENT.encode("latin-1"), "eyJhIjogIukifQ=="),
        ("application/json", b"\xef\xbb\xbf", None),
        ("text/plain; charset=undefined", b"abc", "YWJj"),
        ("text/plain; charset=unicode_escape", rb"\ud800", "XHVkODAw"),
        ("text/plain; charset=latin1", "é".encode("latin-1"), "é"),
        ("text/plain", b"\xef\xbb\xbfa", "a"),
        ("text/plain; charset=UTF-8", b"\xef\xbb\xbfa", "a"),
        ("application/octet-stream", b"\xef\xbb\xbf\xff", "77u//w=="),
        ("application/json", b"[" * 100_000, "[" * 100_000),
    ],
)
def test_a_body_is_what_its_type_and_charset_say(mime: str, body: bytes, value: object) -> None:
    assert body_value({"content-type": mime}, body) == value


@given(st.binary(max_size=40), st.sampled_from(CHARSETS))
def test_no_body_breaks_the_reader(body: bytes, charset: str) -> None:
    for mime in ("application/json", "text/plain"):
        value = body_value({"content-type": f"{mime}; charset={charset}"}, body)
        msgspec.json.encode(value)
