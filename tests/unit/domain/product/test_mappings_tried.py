"""What `apply` knows of the inputs of steps and options before any run: what no run could give."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.unit.domain.product.test_known_beforehand import faults_of

APP: JsonObject = {
    "tag": "partner",
    "base_url": "https://a.example",
    "actions": [
        {
            "tag": "find",
            "method": "GET",
            "resource": "/users/:id",
            "request": {"params": {"id": {"type": "INTEGER"}}},
        }
    ],
}
FUNCTIONS: JsonValue = [{"tag": "add", "handler": "python"}]
QUOTAS: JsonValue = [{"tag": "calls", "limit": 2, "period": "day", "per": ["who"]}]
FIND: JsonObject = {"type": "action", "app": "partner", "event": "find"}
ADD: JsonObject = {"type": "function", "event": "add"}
TAKEN: JsonObject = {"payload": 1}


def faults_with(**sections: JsonValue) -> set[str]:
    quotas = sections.pop("quotas", QUOTAS)
    return {*faults_of(apps=[APP], functions=FUNCTIONS, quotas=quotas, **sections)}


def of_a_step(**step: JsonValue) -> set[str]:
    feature: JsonObject = {"tag": "order", "sequence": [{"tag": "main", "events": [step]}]}
    return faults_with(features=[feature])


@pytest.mark.parametrize(
    ("event", "given", "below"),
    [
        (ADD, {"x": 1, "payload": 2}, {"x"}),
        (FIND, {"params": {}, "foo": 1}, {"params.id", "foo"}),
        (FIND, {}, {"params.id"}),
        (FIND, {"params:id": "seven"}, {"params.id"}),
        ({"type": "quota", "event": "calls"}, {"amount": 0, "who": "$Input{who}"}, {"amount"}),
        ({"type": "job", "event": "later"}, {"x": 1}, {"x"}),
    ],
)
def test_an_option_and_a_step_give_what_their_event_takes(
    event: JsonObject, given: JsonObject, below: set[str]
) -> None:
    called: JsonObject = {**event, "input": given}
    later: JsonObject = {"tag": "later", "event_type": "function", "event_tag": "add"}
    place = "fallbacks[0].options[0].input"
    faults = faults_with(jobs=[later], fallbacks=[{"tag": "any", "options": [called]}])
    assert faults == {f"{place}.{one}" for one in below}
    step: JsonObject = {"tag": "order", "sequence": [{"tag": "main", "events": [called]}]}
    place = "features[0].sequence[0].events[0].input"
    assert faults_with(jobs=[later], features=[step]) == {f"{place}.{one}" for one in below}


def test_a_quota_s_option_and_a_rollback_do_too() -> None:
    options: JsonValue = [{**ADD, "input": {"x": 1}}]
    assert faults_with(quotas=[{"tag": "turns", "options": options}]) == {
        "quotas[0].options[0].input.x"
    }
    undo: JsonObject = {**ADD, "input": {"x": 1}}
    place = "features[0].sequence[0].events[0].rollback.input.x"
    assert of_a_step(**ADD, input=TAKEN, rollback=undo) == {place}


@pytest.mark.parametrize(
    "step",
    [
        {**FIND, "input": {"params": {"id": "$Input{id}"}}},
        {**FIND, "input": {"params": "$Input{params}"}},
        {**ADD, "input": {"payload": {"any": ["$Input{b}"]}}},
        {"type": "function", "event": "of another process", "input": {"x": 1}},
        {"type": "sleep", "input": {"ms": 5}},
    ],
)
def test_what_the_run_brings_or_a_worker_announces_is_left_to_them(step: JsonObject) -> None:
    assert not of_a_step(**step)


@pytest.mark.parametrize(
    ("given", "below"),
    [
        ({"mesage": 1}, {""}),
        ({"message": 1, "callback": "add"}, {""}),
        ({"message": 1, "ky": "k"}, {".ky"}),
        ({"message": "$Input{text}"}, set[str]()),
    ],
)
def test_a_step_publishes_or_subscribes(given: JsonObject, below: set[str]) -> None:
    bus: JsonObject = {"tag": "bus", "type": "redis", "url": "redis://cache"}
    step: JsonObject = {"event": "bus:orders", "input": given}
    feature: JsonObject = {"tag": "order", "sequence": [{"tag": "main", "events": [step]}]}
    faults = faults_with(brokers=[{**bus, "topics": [{"tag": "orders"}]}], features=[feature])
    place = "features[0].sequence[0].events[0].input"
    assert faults == {f"{place}{one}" for one in below}


def test_what_one_env_takes_is_taken() -> None:
    action: JsonObject = {
        "tag": "find",
        "method": "GET",
        "resource": "/users/:id",
        "envs": [{"slug": "prd", "resource": "/:region/users/:id"}],
    }
    app: JsonObject = {"tag": "partner", "base_url": "https://a.example", "actions": [action]}
    step: JsonObject = {**FIND, "input": {"params": {"id": 1}}}
    feature: JsonObject = {"tag": "order", "sequence": [{"tag": "main", "events": [step]}]}
    envs: JsonValue = [{"slug": "prd"}, {"slug": "dev"}]
    assert not faults_of(envs=envs, apps=[app], features=[feature])
    assert faults_of(envs=[{"slug": "prd"}], apps=[app], features=[feature])
