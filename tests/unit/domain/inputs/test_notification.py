"""SPEC 9, row `notification`, and issue 3 item 12: channels, variables, locales."""

import pytest

from ductape.domain.inputs import check_input
from ductape.domain.inputs.content import Wording, filled_or_given, wording
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target

PROVIDERS: JsonObject = {
    "push": {"url": "https://push.example"},
    "email": {"host": "mail.example"},
    "callback": {"url": "https://partner.example/hooks/:id"},
}
MESSAGE: JsonObject = {
    "tag": "welcome",
    "push_notification": {
        "title": "Hello {{username}}",
        "body": "Order {{order}} of {{username}}",
        "data": {"id": "{{order}}"},
    },
    "email": {"subject": "Hi {{username}}", "template": "<p>{{ body }}</p>", "text": "{{note}}"},
    "callback": {"body": {"id": "{{order}}"}},
}
PUSH: JsonObject = {"device_token": "abc", "title": {"en": "Hi"}}


def a_notification(message: JsonObject | None = None, **changes: JsonValue) -> Target:
    definition = {**PROVIDERS, "message": message, **changes}
    return Target(kind=JobEventTypes.NOTIFICATION, event="n", definition=definition, digest=b"")


def faults(target: Target, given: JsonObject, *, resolved: bool = True) -> list[tuple[str, str]]:
    found = check_input(target, given, resolved=resolved)
    return [(one["path"], one["expected"]) for one in found]


def paths(target: Target, given: JsonObject, *, resolved: bool = True) -> list[str]:
    return sorted(path for path, _ in faults(target, given, resolved=resolved))


def test_the_seeds_own_example_is_right() -> None:
    given: JsonObject = {
        "slug": "order_update",
        "push_notification": {
            "title": {"en": "Order Shipped"},
            "body": {"en": "Your order #12345 has been shipped!"},
            "data": {"trackingId": "XYZ987"},
            "device_token": "abcdef123456",
        },
    }
    assert faults(a_notification(), given, resolved=False) == []


@pytest.mark.parametrize("given", [{}, {"slug": "x"}, {"email": {}, "callback": None}])
def test_at_least_one_channel_is_needed(given: JsonObject) -> None:
    assert paths(a_notification(), given) == ["input"]


@pytest.mark.parametrize(
    ("sms", "found"),
    [
        ({"to": "+31612345678", "body": "Hi"}, []),
        ({"to": ["+31612345678", "$Session{phone}"], "body": {"en": "Hi"}}, []),
        ({"to": "31612345678", "body": "$Session{text}"}, []),
        ({"to": "06-12345678", "body": "Hi"}, ["input.sms.to"]),
        ({"to": "+٣١٦١٢٣٤٥٦٧٨", "body": "Hi"}, ["input.sms.to"]),
        ({"to": 31612345678, "body": "Hi"}, ["input.sms.to"]),
        ({"to": ["+31612345678", "x", 1], "body": "Hi"}, ["input.sms.to[1]", "input.sms.to[2]"]),
        ({"to": [], "body": "Hi"}, ["input.sms.to"]),
        ({"to": ["+31612345678"] * 501, "body": "Hi"}, ["input.sms.to"]),
        ({"to": "+31612345678"}, ["input.sms.body"]),
        ({"to": "+31612345678", "body": 1}, ["input.sms.body"]),
        ({"to": "+31612345678", "body": "Hi", "text": "x"}, ["input.sms.text"]),
        ("$Session{sms}", []),
        ("x", ["input.sms"]),
    ],
)
def test_a_text_message_has_numbers_and_a_body(sms: JsonValue, found: list[str]) -> None:
    given: JsonObject = {"sms": sms}
    assert paths(a_notification(sms={"type": "twilio"}), given, resolved=False) == found


def test_a_text_message_fills_what_the_message_defines() -> None:
    message: JsonObject = {"tag": "m", "sms": {"body": {"en": "Hi {{name}}", "nl": "Hoi {{naam}}"}}}
    target = a_notification(message, sms={"type": "twilio"}, locale="nl")
    given: JsonObject = {"sms": {"to": "+31612345678", "body": {"name": "Ada"}}}
    assert paths(target, given) == ["input.sms.body.naam"]


def test_a_channel_without_a_provider_is_refused() -> None:
    target = a_notification(push=None)
    assert paths(target, {"push_notification": PUSH}) == ["input.push_notification"]
    sms: JsonObject = {"sms": {"to": "+31612345678", "body": "x"}}
    assert paths(a_notification(), sms) == ["input.sms"]


def test_every_missing_piece_is_told_at_once() -> None:
    given: JsonObject = {
        "push_notification": {"data": []},
        "email": {"to": ["ada@example.org", "nobody", 1]},
        "callback": {"query": {"a": 1}, "headers": {"Host": "x"}},
    }
    assert paths(a_notification(), given) == [
        "input.callback.headers.Host",
        "input.callback.params.id",
        "input.email.subject",
        "input.email.template",
        "input.email.to[1]",
        "input.email.to[2]",
        "input.push_notification",
        "input.push_notification.data",
        "input.push_notification.device_token",
    ]


def test_a_subject_of_several_lines_is_refused_before_anything_is_stored() -> None:
    mail: JsonObject = {"to": "ada@example.org", "template": "x"}
    told: list[tuple[JsonValue, str]] = [
        ("Hi\r\nBcc: eve@example.org", "input.email.subject"),
        ({"en": "Hi", "nl": "Hoi\n"}, "input.email.subject.nl"),
    ]
    for subject, path in told:
        given: JsonObject = {"email": {**mail, "subject": subject}}
        assert paths(a_notification(), given, resolved=False) == [path]
    assert paths(a_notification(), {"email": {**mail, "subject": "Hi"}}) == []


def test_every_unfilled_variable_is_told() -> None:
    given: JsonObject = {
        "push_notification": {"device_token": "a", "title": {"user": 1}, "body": {"order": 1}},
        "email": {"to": "ada@example.org", "subject": {}, "template": {"body": None}},
        "callback": {"params": {"id": 1}},
    }
    assert paths(a_notification(MESSAGE), given) == [
        "input.callback.body.order",
        "input.email.subject.username",
        "input.email.template.body",
        "input.email.template.note",
        "input.push_notification.body.username",
        "input.push_notification.data.order",
        "input.push_notification.title.username",
    ]


def test_a_text_given_for_variables_is_refused() -> None:
    given: JsonObject = {"push_notification": {**PUSH, "title": "Hello", "body": {}, "data": {}}}
    assert (
        "input.push_notification.title",
        "an object with the variables username",
    ) in faults(a_notification(MESSAGE), given)


def test_references_wait_for_their_values() -> None:
    given: JsonObject = {
        "push_notification": "$Session{user}{push}",
        "email": {
            "to": "$Session{user}{email}",
            "subject": {"username": "$Session{user}{name}"},
            "template": "$Session{user}{letter}",
        },
        "callback": {"body": "$Session{user}{order}"},
    }
    assert paths(a_notification(MESSAGE), given, resolved=False) == []


@pytest.mark.parametrize(
    ("given", "locales", "text"),
    [
        ("plain", ("en",), "plain"),
        ({"nl": "Hoi", "en": "Hi"}, ("nl", "en"), "Hoi"),
        ({"nl": "Hoi", "en": "Hi"}, ("fr", "en"), "Hi"),
        ({"de": "Hallo", "nl": "Hoi"}, ("fr", "en"), "Hallo"),
    ],
)
def test_content_is_taken_in_the_best_locale(
    given: JsonValue, locales: tuple[str, ...], text: str
) -> None:
    assert wording(None, given, locales) == Wording(text, None)


def test_braces_in_a_callers_content_are_plain_text() -> None:
    said = wording(None, {"en": "{{x}}"}, ("en",))
    assert said is not None
    assert said.plain() == "{{x}}"


def test_html_escapes_variables_and_text_does_not() -> None:
    said = wording("<b>{{name}}</b>", {"name": "<i>&"}, ("en",))
    assert said is not None
    assert said.html() == "<b>&lt;i&gt;&amp;</b>"
    assert said.plain() == "<b><i>&</b>"


def test_a_filled_value_is_never_read_as_a_template() -> None:
    said = wording("{{a}} {{b}}", {"a": "{{b}}", "b": "x"}, ("en",))
    assert said is not None
    assert said.plain() == "{{b}} x"


def test_a_defined_text_without_variables_stands_until_content_replaces_it() -> None:
    assert wording("Fixed", {"username": "Ada"}, ("en",)) == Wording("Fixed", {"username": "Ada"})
    assert wording("Fixed", {"en": "Mine"}, ("en",)) == Wording("Mine", None)
    assert wording("Fixed", "Mine", ("en",)) == Wording("Mine", None)
    assert wording({"en": "Fixed", "nl": "Vast"}, None, ("nl", "en")) == Wording("Vast", {})


def test_data_keeps_the_types_of_its_variables() -> None:
    template: JsonObject = {"id": "{{id}}", "list": [{"at": "{{at}}"}], "note": "no {{id}}"}
    assert filled_or_given(template, {"id": 7, "at": [1]}) == {
        "id": 7,
        "list": [{"at": [1]}],
        "note": "no 7",
    }
