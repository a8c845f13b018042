"""The webhooks of a product document: what is refused, whom they reach, who is told what."""

import msgspec
import pytest

from ductape.domain.definitions.webhook import WebhookTarget
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product import (
    Question,
    parse_product,
    reachable,
    resolve,
    secrets_of,
    subscriptions,
)
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.domain.webhooks.events import EVENTS
from ductape.domain.webhooks.subscription import wanted_by
from ductape.errors import NotFound, ValidationError
from tests.builders import a_spec
from tests.unit.catalog.builders import by_path

HOOK: JsonObject = {
    "tag": "partner",
    "url": "https://partner.example/hook",
    "secret": "$Secret{hook}",
}


def document(**hook: object) -> JsonObject:
    envs: list[JsonObject] = [{"slug": "dev"}, {"slug": "prd"}]
    return {"tag": "orders", "envs": envs, "webhooks": [{**HOOK, **hook}]}  # type: ignore[dict-item]


def faults_of(**hook: object) -> set[str]:
    with pytest.raises(ValidationError) as caught:
        parse_product(document(**hook))
    return {path.removeprefix("webhooks[0].") for path in by_path(caught.value)}


def target_of(env: str, **hook: object) -> WebhookTarget:
    answer = resolve(parse_product(document(**hook)), Question(env, "webhook:partner"))
    assert isinstance(answer, Target)
    assert (answer.kind, answer.app) == (JobEventTypes.ACTION, None)
    return msgspec.convert(answer.definition, WebhookTarget)


@pytest.mark.parametrize(
    ("hook", "paths"),
    [
        ({"secret": "whsec_literal"}, {"secret"}),
        ({"previous_secret": "whsec_literal"}, {"previous_secret"}),
        ({"secret": None}, {"secret"}),
        ({"url": None}, {"url"}),
        ({"url": "ftp://partner.example"}, {"url"}),
        ({"url": "https://user:word@partner.example"}, {"url"}),
        ({"events": ["job.done", "job.failed"]}, {"events[0]"}),
        ({"filter": {"kinds": ["jobs"]}}, {"filter.kinds[0]"}),
        ({"filter": {"kind": ["job"]}}, {"filter.kind"}),
        ({"headers": {"Webhook-Id": "1"}}, {"headers.Webhook-Id"}),
        ({"headers": {"Host": "x"}}, {"headers.Host"}),
        ({"headers": {"X-Api-Key": "literal"}}, {"headers.X-Api-Key"}),
        ({"retries": 1_001}, {"retries"}),
        ({"initial_delay": 0}, {"initial_delay"}),
        ({"envs": [{"slug": "test", "url": "https://a.example"}]}, {"envs[0].slug"}),
        ({"envs": [{"slug": "dev", "url": "no url"}]}, {"envs[0].url"}),
        ({"envs": [{"slug": "dev", "secret": "literal"}]}, {"envs[0].secret"}),
        (
            {"url": None, "secret": None, "envs": [{"slug": "dev", "url": "https://a.example"}]},
            {"envs[0].secret"},
        ),
        ({"url": "https://a.example/$Auth{partner}{token}"}, {"url"}),
        ({"colour": "red"}, {"colour"}),
    ],
)
def test_what_cannot_work_is_refused_at_its_path(hook: dict[str, object], paths: set[str]) -> None:
    assert faults_of(**hook) == paths


@pytest.mark.parametrize(
    ("path", "sections"),
    [
        (
            "healthchecks[0].event",
            {"healthchecks": [{"tag": "up", "event": "webhook:partner", "interval": 1_000}]},
        ),
        (
            "jobs[0].event_tag",
            {"jobs": [{"tag": "a", "event_type": "action", "event_tag": "webhook:partner"}]},
        ),
        (
            "fallbacks[0].options[0].event",
            {
                "fallbacks": [
                    {"tag": "f", "options": [{"type": "action", "event": "webhook:partner"}]}
                ]
            },
        ),
    ],
)
def test_nothing_in_a_document_calls_a_webhook(path: str, sections: JsonObject) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_product({**document(), **sections})
    assert "which the system calls" in by_path(caught.value)[path]["message"]


def test_two_webhooks_of_one_tag_are_refused() -> None:
    twice = document()
    twice["webhooks"] = [HOOK, HOOK]
    with pytest.raises(ValidationError, match=r"webhooks\[1\].tag"):
        parse_product(twice)


def test_the_secrets_that_it_signs_with_are_needed() -> None:
    product = parse_product(document(previous_secret="$Secret{former}"))
    assert secrets_of(product) == {"hook", "former"}


def test_an_env_has_its_own_address_and_secrets() -> None:
    here = {"slug": "dev", "url": "http://localhost:1", "secret": "$Secret{dev}"}
    hook = {"envs": [{**here, "allow_private": True}], "previous_secret": "$Secret{former}"}
    dev, prd = target_of("dev", **hook), target_of("prd", **hook)
    assert (dev.url, dev.secrets, dev.allow_private) == (here["url"], ["$Secret{dev}"], True)
    assert (prd.url, prd.allow_private) == (HOOK["url"], False)
    assert prd.secrets == ["$Secret{hook}", "$Secret{former}"]


def test_an_env_without_a_url_is_told_nothing() -> None:
    hook = {"url": None, "envs": [{"slug": "dev", "url": "https://a.example"}]}
    product = parse_product(document(**hook))
    assert [one.envs for one in subscriptions(product)] == [{"dev"}]
    with pytest.raises(NotFound, match="dev"):
        target_of("prd", **hook)
    assert {env for env, _, event, _ in reachable(product) if event == "webhook:partner"} == {"dev"}


def test_callers_are_not_told_of_what_only_the_system_may_name() -> None:
    with pytest.raises(NotFound) as caught:
        resolve(parse_product(document()), Question("dev", "webhook:other"))
    assert "webhook:partner" not in f"{caught.value} {caught.value.hint}"


def test_everything_is_told_unless_events_are_named() -> None:
    [everything] = subscriptions(parse_product(document()))
    [some] = subscriptions(parse_product(document(events=["job.failed", "job.completed"])))
    assert everything.happenings == set(EVENTS)
    assert some.happenings == {"job.failed", "job.completed"}


def test_a_filter_leaves_out_other_kinds_and_events_and_envs() -> None:
    only = {"kinds": ["job", "feature"], "events": ["ship"]}
    told = subscriptions(parse_product(document(filter=only)))
    wants = wanted_by(told, "job.failed", a_spec(event="ship"))
    assert [one.tag for one in wants] == ["partner"]
    assert wanted_by(told, "job.failed", a_spec(event="bill")) == ()
    assert wanted_by(told, "job.failed", a_spec(event="ship", kind=JobEventTypes.ACTION)) == ()
    assert wanted_by(told, "job.failed", a_spec(event="ship", env="test")) == ()


def test_nothing_is_told_of_a_delivery() -> None:
    told = subscriptions(parse_product(document()))
    delivery = a_spec(event="webhook:partner", kind=JobEventTypes.ACTION)
    assert [wanted_by(told, event, delivery) for event in EVENTS] == [()] * len(EVENTS)
