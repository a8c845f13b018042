"""Things of several types have the fields of their own: auths, push and SMS services, functions."""

import pytest

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product import Question, parse_product, reachable, resolve, secrets_of
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import NotFound, ValidationError
from tests.unit.catalog.builders import a_small_document, an_app

OAUTH2: JsonObject = {
    "tag": "main",
    "type": "oauth2",
    "token_url": "https://id.example/token",
    "client_id": "client-1",
    "client_secret": "$Secret{crm}",
}
REFRESHED: JsonObject = OAUTH2 | {"grant": "refresh_token", "refresh_token": "$Secret{refresh}"}
FCM: JsonObject = {"type": "fcm", "project_id": "p", "service_account": "$Secret{firebase}"}
TWILIO: JsonObject = {
    "type": "twilio",
    "sender": "+14155550100",
    "account_sid": "AC1",
    "auth_token": "$Secret{twilio}",
}
AWS: JsonObject = {
    "type": "aws",
    "access_key_id": "AKID",
    "secret_access_key": "$Secret{aws}",
    "region": "eu-west-1",
}
GOOGLE: JsonObject = {"type": "google", "service_account": "$Secret{google}"}


def paths_of(**sections: object) -> list[str]:
    try:
        parse_product(a_small_document(**sections))
    except ValidationError as error:
        return sorted(one["path"] for one in error.errors)
    return []


def without(part: JsonObject, *names: str) -> JsonObject:
    return {name: value for name, value in part.items() if name not in names}


@pytest.mark.parametrize(
    ("auth", "wrong"),
    [
        (OAUTH2, []),
        (OAUTH2 | {"scope": "a b", "audience": "x", "auth_style": "body"}, []),
        (REFRESHED, []),
        (without(REFRESHED, "client_secret"), []),
        (without(OAUTH2, "token_url", "client_id"), ["client_id", "token_url"]),
        (without(OAUTH2, "client_secret"), ["client_secret"]),
        (without(REFRESHED, "refresh_token"), ["refresh_token"]),
        (OAUTH2 | {"refresh_token": "$Secret{r}"}, ["refresh_token"]),
        (OAUTH2 | {"client_secret": "literal"}, ["client_secret"]),
        (REFRESHED | {"refresh_token": "literal"}, ["refresh_token"]),
        (REFRESHED | {"refresh_token": "a $Secret{r}"}, ["refresh_token"]),
        (OAUTH2 | {"token": "$Secret{t}"}, ["token"]),
        (OAUTH2 | {"token_url": "ftp://id.example"}, ["token_url"]),
        (OAUTH2 | {"token_url": "https://u:p@id.example"}, ["token_url"]),
        (OAUTH2 | {"grant": "password"}, ["grant"]),
        (OAUTH2 | {"auth_style": "query"}, ["auth_style"]),
        ({"tag": "b", "type": "bearer", "token": "$Secret{t}", "scope": "x"}, ["scope"]),
        (
            OAUTH2 | {"envs": [{"slug": "dev", "client_secret": "literal"}]},
            ["envs[0].client_secret"],
        ),
        (OAUTH2 | {"envs": [{"slug": "dev", "token": "$Secret{t}"}]}, ["envs[0].token"]),
    ],
)
def test_an_oauth2_auth_has_what_its_grant_needs(auth: JsonObject, wrong: list[str]) -> None:
    assert paths_of(apps=[an_app(auths=[auth])]) == [f"apps[0].auths[0].{name}" for name in wrong]


@pytest.mark.parametrize(
    ("username", "password", "wrong"),
    [
        ("ada", "$Secret{p}", []),
        ("$Secret{key}", "", []),
        ("", "$Secret{p}", []),
        ("", "", []),
        ("key", "", []),
        ("ada", "literal", ["password"]),
        ("$Secret{key}", None, ["password"]),
        (None, "$Secret{p}", ["username"]),
    ],
)
def test_one_half_of_basic_auth_may_be_empty(
    username: str | None, password: str | None, wrong: list[str]
) -> None:
    auth: JsonObject = {"tag": "b", "type": "basic", "username": username, "password": password}
    given = {name: value for name, value in auth.items() if value is not None}
    assert paths_of(apps=[an_app(auths=[given])]) == [f"apps[0].auths[0].{name}" for name in wrong]


def test_an_auth_that_every_env_completes_is_whole() -> None:
    env = {"slug": "dev", "token_url": "https://id.example", "client_secret": "$Secret{a}"}
    auth = without(OAUTH2, "token_url", "client_secret") | {"envs": [env]}
    assert paths_of(apps=[an_app(auths=[auth])]) == []


@pytest.mark.parametrize(
    ("push", "wrong"),
    [
        (FCM, []),
        (FCM | {"url": "https://fcm.example"}, []),
        ({}, []),
        ({"type": "fcm"}, ["project_id", "service_account"]),
        (FCM | {"service_account": "{}"}, ["service_account"]),
        (FCM | {"access_token": "$Secret{a}"}, ["access_token"]),
        ({"project_id": "p"}, ["project_id"]),
        (FCM | {"url": "fcm.example"}, ["url"]),
        (FCM | {"type": "apns"}, ["type"]),
    ],
)
def test_a_push_service_has_the_fields_of_its_type(push: JsonObject, wrong: list[str]) -> None:
    notifications = [{"tag": "n", "push_notification": push}]
    expected = [f"notifications[0].push_notification.{name}" for name in wrong]
    assert paths_of(notifications=notifications) == expected


@pytest.mark.parametrize(
    ("sms", "wrong"),
    [
        (TWILIO, []),
        ({"type": "plivo", "sender": "S", "auth_id": "a", "auth_token": "$Secret{t}"}, []),
        ({"type": "vonage", "sender": "S", "api_key": "a", "api_secret": "$Secret{t}"}, []),
        ({"type": "vonage", "sender": "S", "api_key": "a", "api_secret": "x"}, ["api_secret"]),
        (without(TWILIO, "sender"), ["sender"]),
        (without(TWILIO, "account_sid", "auth_token"), ["account_sid", "auth_token"]),
        (TWILIO | {"auth_token": "literal"}, ["auth_token"]),
        (TWILIO | {"api_key": "a"}, ["api_key"]),
        (TWILIO | {"type": "pigeon"}, ["type"]),
    ],
)
def test_an_sms_service_has_the_fields_of_its_type(sms: JsonObject, wrong: list[str]) -> None:
    notifications = [{"tag": "n", "envs": [{"slug": "dev", "sms": sms}]}]
    expected = [f"notifications[0].envs[0].sms.{name}" for name in wrong]
    assert paths_of(notifications=notifications) == expected


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        ({"url": "https://f.example"}, []),
        ({"type": "http", "url": "https://f.example", "method": "PUT", "timeout": 5_000}, []),
        ({"envs": [{"slug": "dev", "url": "https://f.example"}]}, []),
        ({"handler": "python", "input": {"a": {"type": "DATE"}}}, []),
        ({"url": "https://f.example", "auth": AWS | {"service": "lambda"}}, []),
        ({"url": "https://f.example", "auth": GOOGLE}, []),
        ({}, ["handler"]),
        ({"envs": [{"slug": "dev"}]}, ["handler"]),
        ({"handler": "python", "url": "https://f.example"}, ["url"]),
        ({"handler": "python", "auth": AWS, "method": "GET"}, ["auth", "method"]),
        ({"url": "f.example"}, ["url"]),
        ({"envs": [{"slug": "dev", "url": "x"}]}, ["envs[0].url"]),
        ({"url": "https://f.example", "auth": without(AWS, "region")}, ["auth.region"]),
        ({"url": "https://f.example", "auth": AWS | {"token": "$Secret{t}"}}, ["auth.token"]),
        (
            {"url": "https://f.example", "auth": GOOGLE | {"service_account": "{}"}},
            ["auth.service_account"],
        ),
        ({"url": "https://f.example", "input": {"a": {"type": "DAT"}}}, ["input.a.type"]),
        ({"url": "https://f.example", "headers": {"Host": "x"}}, ["headers.Host"]),
        ({"url": "https://f.example", "headers": {"X-Api-Key": "k"}}, ["headers.X-Api-Key"]),
        (
            {"envs": [{"slug": "dev", "url": "https://f.example", "headers": {"a": "b\n"}}]},
            ["envs[0].headers.a"],
        ),
        ({"url": "https://f.example", "timeout": 0}, ["timeout"]),
        ({"url": "https://f.example", "type": "grpc"}, ["type"]),
    ],
)
def test_a_function_is_a_handler_or_a_url(function: JsonObject, wrong: list[str]) -> None:
    functions = [{"tag": "f", **function}]
    assert paths_of(functions=functions) == [f"functions[0].{name}" for name in wrong]


def a_target(document: JsonObject, env: str, event: str, app: str | None = None) -> Target:
    found = resolve(parse_product(document), Question(env, event, app))
    assert isinstance(found, Target)
    return found


def test_a_function_is_in_each_env_what_the_env_says() -> None:
    function: JsonObject = {
        "tag": "f",
        "url": "https://f.example",
        "headers": {"A": "1", "B": "1"},
        "auth": {"type": "bearer", "token": "$Secret{t}"},
        "allow_private": True,
        "timeout": 5_000,
        "envs": [
            {
                "slug": "prd",
                "url": "https://live.example",
                "headers": {"B": "2"},
                "auth": AWS,
                "allow_private": False,
            }
        ],
    }
    document = a_small_document(envs=[{"slug": "dev"}, {"slug": "prd"}], functions=[function])
    here, there = (a_target(document, env, "f").definition for env in ("dev", "prd"))
    assert here["url"] == "https://f.example"
    assert here["auth"] == {"type": "bearer", "token": "$Secret{t}"}
    assert (here["allow_private"], here["timeout_ms"]) == (True, 5_000)
    assert there["url"] == "https://live.example"
    assert there["headers"] == {"A": "1", "B": "2"}
    assert there["auth"] == AWS
    assert "allow_private" not in there
    product = parse_product(document)
    assert secrets_of(product, "dev") == {"t"}
    assert secrets_of(product, "prd") == {"t", "aws"}


def test_a_function_without_a_url_in_an_env_is_not_there() -> None:
    functions = [{"tag": "f", "envs": [{"slug": "prd", "url": "https://f.example"}]}]
    product = parse_product(
        a_small_document(envs=[{"slug": "dev"}, {"slug": "prd"}], functions=functions)
    )
    assert reachable(product) == {("prd", JobEventTypes.FUNCTION, "f", None)}
    with pytest.raises(NotFound):
        resolve(product, Question("dev", "f"))


def test_the_secret_of_a_refresh_token_is_known_by_its_name() -> None:
    auth = REFRESHED | {"envs": [{"slug": "prd", "refresh_token": "$Secret{live}"}]}
    action = {"tag": "send", "method": "POST", "resource": "/", "auth": "main"}
    apps = [an_app(base_url="https://crm.example", auths=[auth], actions=[action])]
    document = a_small_document(envs=[{"slug": "dev"}, {"slug": "prd"}], apps=apps)
    names: list[object] = []
    for env in ("dev", "prd"):
        made = a_target(document, env, "send").definition["auth"]
        assert isinstance(made, dict)
        names.append(made["refresh_secret"])
    assert names == ["refresh", "live"]
