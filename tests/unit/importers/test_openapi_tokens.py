"""Security schemes that ask a person: a token that was got elsewhere is sent."""

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.importers import Imported
from tests.unit.importers.builders import (
    an_openapi,
    an_operation,
    app_of,
    imported,
    only_action,
)

CODE: JsonObject = {
    "type": "oauth2",
    "flows": {
        "authorizationCode": {
            "authorizationUrl": "https://a.example/authorize",
            "tokenUrl": "https://a.example/token",
            "scopes": {"read": "r"},
        }
    },
}
OIDC: JsonObject = {"type": "openIdConnect", "openIdConnectUrl": "https://a.example/.well-known"}
BASIC: JsonObject = {"type": "http", "scheme": "basic"}
A_TOKEN: JsonObject = {"type": "bearer", "token": "$Secret{a_o_token}"}


def made_of(schemes: JsonObject, *security: JsonValue, **given: object) -> Imported:
    document = an_operation(security=[*security])
    return imported({**document, "components": {"securitySchemes": schemes}}, **given)  # pyright: ignore[reportArgumentType]


def client(url: str) -> JsonObject:
    """Build a client's own credentials with an odd token URL."""
    return {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": url}}}


@pytest.mark.parametrize(
    "scheme",
    [
        CODE,
        OIDC,
        {"type": "oauth2", "flows": {"implicit": {"authorizationUrl": "x", "scopes": {}}}},
        *(client(url) for url in ("", "/token", "ftp://x", "https://a b", "http://[")),
    ],
)
def test_a_token_of_a_person_is_a_secret_of_yours(scheme: JsonObject) -> None:
    made = made_of({"o": scheme}, {"o": ["read"]})
    assert app_of(made)["auths"] == [{"tag": "o", **A_TOKEN}]
    assert only_action(made)["auth"] == "o"
    assert [one["name"] for one in made["secrets"]] == ["a_o_token"]
    assert made["left_out"] == []
    (note,) = made["notes"]
    assert note.startswith("`o` sends a token that you get and renew")


def test_what_nobody_has_to_renew_comes_first() -> None:
    made = made_of({"o": CODE, "b": BASIC}, {"o": []}, {"b": []})
    assert only_action(made)["auth"] == "b"


def test_what_you_name_comes_before_a_persons_token() -> None:
    made = made_of({"o": CODE}, {"o": []}, auth="header:X-Key")
    assert only_action(made)["auth"] == "given"


def test_schemes_that_differ_in_signs_have_secrets_of_their_own() -> None:
    key: JsonObject = {"type": "apiKey", "in": "header", "name": "X-Key"}
    made = made_of({"api-key": key, "api_key": key}, {"api-key": [], "api_key": []})
    assert {one["name"] for one in made["secrets"]} == {"a_api_key_key", "a_api_key_key_2"}


@pytest.mark.parametrize(("kind", "skipped"), [("awsSigv4", 1), ("custom", 0)])
def test_a_signature_of_each_request_is_no_key(kind: str, skipped: int) -> None:
    scheme: JsonObject = {"type": "apiKey", "name": "Authorization", "in": "header"}
    scheme["x-amazon-apigateway-authtype"] = kind
    paths: JsonObject = {"/x": {"get": {"security": [{"signed": []}]}}}
    made = imported(an_openapi(paths, components={"securitySchemes": {"signed": scheme}}))
    told = ["signature of each request" in one["reason"] for one in made["skipped"]]
    assert told == [True] * skipped
    assert ("auth" in only_action(made)) is (skipped == 0)
