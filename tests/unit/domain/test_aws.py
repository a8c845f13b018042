"""Signature Version 4, proven by AWS's published examples and by its own SDK as an oracle."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import urlencode

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.http.aws import AwsKeys, Signable, sendable, signed_headers

AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
AT_MS = int(AT.timestamp()) * 1_000
KEYS = AwsKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")
URL = "https://example.amazonaws.com"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def signature(request: Signable, keys: AwsKeys = KEYS) -> str:
    return signed_headers(request, keys, AT_MS)["Authorization"].rpartition("=")[2]


@pytest.mark.parametrize(
    ("request_", "published"),
    [
        (
            Signable("GET", f"{URL}/"),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            Signable("POST", f"{URL}/"),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            Signable("GET", f"{URL}/?Param2=value2&Param1=value1"),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            Signable("POST", f"{URL}/", b"Param1=value1", FORM),
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        (
            Signable("GET", f"{URL}/ሴ"),
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
    ],
    ids=[
        "get-vanilla",
        "post-vanilla",
        "get-vanilla-query-order-key-case",
        "post-x-www-form-urlencoded",
        "get-utf8",
    ],
)
def test_the_published_examples_are_signed_as_published(request_: Signable, published: str) -> None:
    assert signature(request_) == published


def test_the_header_says_whose_signature_it_is_and_of_what() -> None:
    headers = signed_headers(Signable("GET", f"{URL}/"), KEYS, AT_MS)
    assert headers["X-Amz-Date"] == "20150830T123600Z"
    assert headers["Authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature="
    )


def test_a_session_token_is_sent_and_signed() -> None:
    keys = AwsKeys("AKID", "secret", "eu-west-1", session_token="session-token-1")
    headers = signed_headers(Signable("GET", f"{URL}/"), keys, AT_MS)
    assert headers["X-Amz-Security-Token"] == "session-token-1"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in headers["Authorization"]


def test_nothing_secret_is_shown() -> None:
    assert "wJalr" not in repr(KEYS)
    assert "b=1" not in repr(Signable("GET", f"{URL}/?b=1", b"body"))


def by_the_sdk(request: Signable, keys: AwsKeys) -> str:
    """Sign as AWS's own SDK does."""
    made = AWSRequest(request.method, request.url, headers=dict(request.headers), data=request.body)
    held = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    signer = cast("Any", botocore.auth.SigV4Auth)(held, keys.service, keys.region)
    clock = SimpleNamespace(get_current_datetime=lambda: AT)
    with patch.object(botocore.auth, "get_current_datetime", clock.get_current_datetime):
        signer.add_auth(made)
    return str(made.headers["Authorization"]).rpartition("=")[2]


segments = st.text(alphabet="abcXYZ019-_.~:@!$'()*, é/", max_size=12)
words = st.text(alphabet="abc019-_.~ é&=+/", min_size=1, max_size=6)


@given(
    path=segments,
    query=st.lists(st.tuples(words, words), max_size=3),
    body=st.binary(max_size=20),
    port=st.sampled_from(["", ":443", ":8443"]),
    token=st.sampled_from([None, "session-token-1"]),
)
def test_every_request_is_signed_as_the_sdk_signs_it(
    path: str, query: list[tuple[str, str]], body: bytes, port: str, token: str | None
) -> None:
    asked = f"?{urlencode(query)}" if query else ""
    url = sendable(f"https://abc.lambda-url.eu-west-1.on.aws{port}/{path}{asked}")
    request = Signable("POST", url, body, {"Content-Type": "application/json"})
    keys = AwsKeys("AKID", "secret", "eu-west-1", "lambda", token)
    assert signature(request, keys) == by_the_sdk(request, keys)
