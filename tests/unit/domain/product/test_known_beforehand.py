"""What no run could ever do is told when the product is applied, not when the run fails."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product
from ductape.errors import Fault, ValidationError
from tests.unit.catalog.builders import a_small_document, an_action, an_app, by_path


def faults_of(**sections: object) -> dict[str, Fault]:
    try:
        parse_product(a_small_document(**sections))
    except ValidationError as error:
        return by_path(error)
    return {}


def an_auth(username: str, **parts: object) -> JsonObject:
    auth = {"tag": "b", "type": "basic", "username": username, "password": "$Secret{pw}"}
    return {**auth, **parts}  # pyright: ignore[reportReturnType] (a test's own JSON)


def a_broker(**dead_letters: str | None) -> JsonObject:
    topics: list[JsonValue] = [
        {"tag": tag} if dead is None else {"tag": tag, "dead_letter": dead}
        for tag, dead in dead_letters.items()
    ]
    return {"tag": "bus", "type": "redis", "url": "redis://cache", "topics": topics}


def a_message(**channels: JsonValue) -> JsonObject:
    return {
        "tag": "tell",
        "email": {"host": "mail.example", "sender": "shop@example.org"},
        "messages": [{"tag": "hello", **channels}],
    }


def a_database(template: JsonValue, kind: str = "postgresql") -> JsonObject:
    url = "mongodb://db/shop" if kind == "mongodb" else "postgresql://db/shop"
    action: JsonObject = {"tag": "find", "type": "read", "template": template}
    return {"tag": "main", "type": kind, "url": url, "actions": [action]}


def test_a_user_of_basic_auth_has_no_colon() -> None:
    envs: JsonValue = [{"slug": "dev", "username": "a:b"}]
    faults = faults_of(
        apps=[an_app(auths=[an_auth("shop:eu"), an_auth("shop", tag="c", envs=envs)])],
        notifications=[
            {"tag": "n", "callback": {"url": "https://a.example", "auth": an_auth_of("a:b")}}
        ],
    )
    assert faults.keys() == {
        "apps[0].auths[0].username",
        "apps[0].auths[1].envs[0].username",
        "notifications[0].callback.auth.username",
    }
    assert "without `:`" in faults["apps[0].auths[0].username"]["expected"]


def an_auth_of(username: str) -> JsonObject:
    return {"type": "basic", "username": username, "password": "$Secret{pw}"}


def test_a_user_name_that_a_reference_brings_is_judged_by_the_run() -> None:
    assert faults_of(apps=[an_app(auths=[an_auth("$Secret{user}")])]) == {}


def test_one_placeholder_has_one_type() -> None:
    twice = "SELECT * FROM t WHERE a = {{id:INTEGER}} OR b = {{id:STRING}}"
    found = faults_of(databases=[a_database(twice)])["databases[0].actions[0].template"]
    assert "`{{id}}` as INTEGER and as STRING" in found["message"]


def test_one_placeholder_of_a_document_has_one_type() -> None:
    twice: JsonValue = {
        "collection": "c",
        "filter": {"a": "{{id:INTEGER}}", "b": ["{{id:UUID}}", "{{id}}"]},
    }
    faults = faults_of(databases=[a_database(twice, "mongodb")])
    assert faults.keys() == {"databases[0].actions[0].template.filter.b[0]"}


@pytest.mark.parametrize(
    "template",
    [
        "SELECT * FROM t WHERE a = {{id:INTEGER}} OR b = {{id}} OR c = {{id:INTEGER:1:9}}",
        "SELECT * FROM t WHERE a = {{data.id:INTEGER}} AND b = {{filter.id:STRING}}",
    ],
)
def test_a_placeholder_without_a_type_takes_the_others(template: str) -> None:
    assert faults_of(databases=[a_database(template)]) == {}


def test_dead_letters_go_round_in_no_ring() -> None:
    faults = faults_of(brokers=[a_broker(a="b", b="c", c="b")])
    assert faults.keys() == {"brokers[0].topics[2].dead_letter"}
    assert "`b` → `c` → `b`" in faults["brokers[0].topics[2].dead_letter"]["found"]


def test_two_names_of_one_topic_make_a_ring_too() -> None:
    broker = a_broker(a="b", b=None)
    broker["topics"] = [
        {"tag": "a", "name": "orders", "dead_letter": "b"},
        {"tag": "b", "name": "orders"},
    ]
    assert faults_of(brokers=[broker]).keys() == {"brokers[0].topics[0].dead_letter"}


def test_dead_letters_may_have_dead_letters() -> None:
    assert faults_of(brokers=[a_broker(a="b", b="c", c=None, d="c")]) == {}


@pytest.mark.parametrize(
    "text", ["{{a|upper}}", "{{#if a}}yes{{/if}}", "{{ a b }}", "{{}}", "{{ 1 }}", "{{a()}}"]
)
def test_a_message_has_no_braces_that_nobody_fills(text: str) -> None:
    faults = faults_of(notifications=[a_message(email={"subject": f"Hi {text}"})])
    found = faults["notifications[0].messages[0].email.subject"]
    assert "`{{name}}`" in found["expected"]
    assert found["found"].startswith("`{{")


def test_each_text_of_a_message_is_looked_at() -> None:
    odd = "{{a|b}}"
    faults = faults_of(
        notifications=[
            a_message(
                email={"subject": {"en": odd}, "template": odd, "text": odd},
                push_notification={"title": odd, "body": odd, "data": {"deep": [odd]}},
                sms={"body": odd},
                callback={"query": {"q": odd}, "body": [odd], "headers": {"X-A": odd}},
            )
        ]
    )
    at = "notifications[0].messages[0]"
    assert faults.keys() == {
        f"{at}.email.subject.en",
        f"{at}.email.template",
        f"{at}.email.text",
        f"{at}.push_notification.title",
        f"{at}.push_notification.body",
        f"{at}.push_notification.data.deep[0]",
        f"{at}.sms.body",
        f"{at}.callback.query.q",
        f"{at}.callback.body[0]",
        f"{at}.callback.headers.X-A",
    }


@pytest.mark.parametrize("text", ["{{ name }}", "{{a.b-c}}", "a { b } {{x}}", "{{", "}} {{", "{a}"])
def test_variables_and_single_braces_are_plain(text: str) -> None:
    assert faults_of(notifications=[a_message(email={"subject": text})]) == {}


def test_a_default_is_for_a_parameter_of_the_path() -> None:
    action = an_action(resource="/users/:id", params={"id": 1, "uid": 2})
    faults = faults_of(apps=[an_app(actions=[action])])
    assert faults.keys() == {"apps[0].actions[0].params.uid"}
    assert "`:id`" in faults["apps[0].actions[0].params.uid"]["message"]


def test_a_default_may_be_for_the_path_of_one_env() -> None:
    action = an_action(
        params={"id": 1, "lost": 2},
        envs=[{"slug": "dev", "resource": "/things/:id/:of", "params": {"of": 3, "things": 4}}],
    )
    assert faults_of(apps=[an_app(actions=[action])]).keys() == {
        "apps[0].actions[0].params.lost",
        "apps[0].actions[0].envs[0].params.things",
    }


def test_what_a_reference_brings_may_have_any_parameter() -> None:
    action = an_action(resource="$Variable{partner}{path}", params={"id": 1})
    app = an_app(actions=[action], variables=[{"key": "path", "value": "/users/:id"}])
    assert faults_of(apps=[app]) == {}


def a_check(section: str, thing: JsonObject, inputs: JsonObject) -> dict[str, Fault]:
    check: JsonObject = {"tag": "h", "event": "it", "interval": 60_000, "envs": []}
    check["envs"] = [{"slug": "dev", "inputs": inputs}]
    return faults_of(**{section: [{"tag": "it", **thing}]}, healthchecks=[check])


@pytest.mark.parametrize("url", ["file:///etc/passwd", "s3://bucket/a", "ftp://a.example/a", "a"])
def test_a_check_fetches_a_file_over_http_alone(url: str) -> None:
    place: JsonObject = {"type": "s3", "bucket": "b"}
    faults = a_check("storage", place, {"fileName": "a", "url": url})
    assert faults.keys() == {"healthchecks[0].envs[0].inputs.url"}


def test_a_check_of_a_function_by_get_has_an_object() -> None:
    function: JsonObject = {"url": "https://a.example/f", "method": "GET"}
    faults = a_check("functions", function, {"payload": [1]})
    assert faults.keys() == {"healthchecks[0].envs[0].inputs.payload"}


@pytest.mark.parametrize(
    ("place", "path"),
    [
        ({"type": "local", "path": "file:///srv/files"}, "path"),
        ({"type": "local", "path": "s3://bucket"}, "path"),
        ({"type": "s3", "bucket": "s3://bucket"}, "bucket"),
        ({"type": "gcs", "bucket": "gs://bucket/folder"}, "bucket"),
        ({"type": "azure", "account": "a", "container": "https://a.example/c"}, "container"),
        ({"type": "s3", "bucket": "b", "url": "file:///srv/files"}, "url"),
    ],
)
def test_a_storage_is_named_and_no_url(place: JsonObject, path: str) -> None:
    assert faults_of(storage=[{"tag": "files", **place}]).keys() == {f"storage[0].{path}"}
