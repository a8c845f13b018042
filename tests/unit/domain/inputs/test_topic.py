"""The inputs of publish and subscribe (SPEC 9)."""

import pytest

from ductape.domain.inputs import check_input
from ductape.domain.inputs.topic import MESSAGE_HAS, message_faults
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.references import check, live_in_input
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.handlers.broker.messages import shown
from ductape.ports.broker import Delivery

PUBLISH, SUBSCRIBE = JobEventTypes.PUBLISH, JobEventTypes.SUBSCRIBE


def faults_of(kind: JobEventTypes, given: JsonObject, *, resolved: bool = True) -> set[str]:
    target = Target(kind=kind, event="bus:orders", definition={}, digest=b"")
    return {one["path"] for one in check_input(target, given, resolved=resolved)}


@pytest.mark.parametrize("message", [{"id": 1}, "text", 0, False, [], ""])
def test_any_json_can_be_published(message: object) -> None:
    assert faults_of(PUBLISH, {"message": message}) == set()  # pyright: ignore[reportArgumentType]


def test_every_fault_of_a_publish_is_told_at_once() -> None:
    headers: JsonObject = {"X-Good": "a", "X Bad": "a", "X-Number": 1, "X-Lines": "a\r\nb"}
    given: JsonObject = {"message": 1, "key": "", "headers": headers, "topic": "x"}
    assert faults_of(PUBLISH, given) == {
        "input.key",
        'input.headers["X Bad"]',
        "input.headers.X-Number",
        "input.headers.X-Lines",
        "input.topic",
    }


def test_every_fault_of_a_subscription_is_told_at_once() -> None:
    given: JsonObject = {
        "callback": "",
        "input": ["$Message{id}"],
        "max_messages": -1,
        "duration": 1.5,
        "group": 7,
        "queue": "a\nb",
        "every": 1,
    }
    assert faults_of(SUBSCRIBE, given) == {f"input.{name}" for name in given}


def test_a_mapping_is_an_object_or_one_reference() -> None:
    assert faults_of(SUBSCRIBE, {"callback": "take", "input": "$Message{body}"}) == set()
    assert faults_of(SUBSCRIBE, {"callback": "take", "input": "body"}) == {"input.input"}
    assert faults_of(SUBSCRIBE, {"callback": "take"}) == set()


def test_what_a_reference_will_bring_is_judged_later() -> None:
    given: JsonObject = {"callback": "take", "max_messages": "$Variable{app}{most}"}
    assert faults_of(SUBSCRIBE, given, resolved=False) == set()
    assert faults_of(SUBSCRIBE, given) == {"input.max_messages"}


def test_a_mapping_asks_for_what_messages_have() -> None:
    """A name that no message has would make poison of all of them."""
    mapping: JsonObject = {
        "id": "$Message{bodi}{id}",
        "all": ["$Uppercase($Default($Message{Headers}{X-A}, 'none'))", "$Message{body}{bodi}"],
        "word": {"$literal": "$Message{nothing}"},
    }
    found = [one["path"] for one in message_faults({"input": mapping})]
    assert found == ["input.input.id", "input.input.all[0]"]
    assert [one["hint"] for one in message_faults({"input": "$Message{bodi}"})] == [
        "did you mean `body`?"
    ]


def test_what_messages_have_is_what_is_shown_of_them() -> None:
    delivery = Delivery("1", b"", mark=None)
    assert set(shown(delivery, "orders")) == set(MESSAGE_HAS)


def live_faults(kind: JobEventTypes, given: JsonObject) -> list[str]:
    return [one["path"] for one in check(given, live=live_in_input(kind))[0]]


def test_a_message_is_live_in_the_mapping_of_a_subscription_alone() -> None:
    mapping: JsonObject = {"input": {"id": "$Message{body}{id}"}}
    assert live_faults(SUBSCRIBE, mapping) == []
    assert live_faults(SUBSCRIBE, {"callback": "$Message{body}"}) == ["input.callback"]
    assert live_faults(PUBLISH, {"message": "$Message{body}"}) == ["input.message"]
    assert live_faults(JobEventTypes.JOB, mapping) == ["input.input.id"]


def test_a_session_is_not_live_in_a_mapping_for_it_would_be_stored_in_the_open() -> None:
    assert live_faults(SUBSCRIBE, {"input": {"id": "$Session{user}{id}"}}) == ["input.input.id"]
    assert live_faults(SUBSCRIBE, {"group": "$Session{user}{id}"}) == []
