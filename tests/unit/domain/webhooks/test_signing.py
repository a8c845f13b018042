"""Signatures are those of Standard Webhooks, byte for byte."""

import pytest

from ductape.domain.webhooks.signing import key_of, signed_headers
from ductape.errors import ProviderError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FORMER = "whsec_" + "A" * 32
BODY = b'{"test": 2432232314}'
MESSAGE = {"message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "at_s": 1_614_265_330, "body": BODY}
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector_is_met() -> None:
    assert signed_headers([SECRET], **MESSAGE) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_a_secret_is_read_without_its_prefix_too() -> None:
    bare = SECRET.removeprefix("whsec_")
    assert signed_headers([bare], **MESSAGE)["webhook-signature"] == SIGNATURE


def test_two_secrets_give_two_signatures_the_present_one_first() -> None:
    both = signed_headers([SECRET, FORMER], **MESSAGE)["webhook-signature"].split(" ")
    assert both[0] == SIGNATURE
    assert both[1] == signed_headers([FORMER], **MESSAGE)["webhook-signature"] != SIGNATURE


@pytest.mark.parametrize("change", [{"message_id": "msg_2"}, {"at_s": 1}, {"body": BODY + b" "}])
def test_every_part_is_signed(change: dict[str, object]) -> None:
    changed = signed_headers([SECRET], **(MESSAGE | change))
    assert changed["webhook-signature"] != SIGNATURE


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!", "whsec_AAAA", "whsec_" + "A" * 88, "ä"])
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(ProviderError, match="24 to 64 bytes") as caught:
        key_of(secret)
    assert secret not in str(caught.value).replace("`whsec_`", "")
