"""A product document is validated whole: every fault at once, each at its path (SPEC 8)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product, secrets_of
from ductape.domain.product.format.document import Retention
from ductape.errors import Fault, ValidationError
from tests.unit.catalog.builders import (
    a_document,
    a_small_document,
    an_action,
    an_app,
    by_path,
)


def faults_of(document: JsonObject) -> dict[str, Fault]:
    with pytest.raises(ValidationError) as caught:
        parse_product(document)
    return by_path(caught.value)


def faults_of_app(**parts: object) -> dict[str, Fault]:
    return faults_of(a_small_document(apps=[an_app(**parts)]))


def test_a_right_document_becomes_a_product() -> None:
    product = parse_product(a_document())
    assert [env.slug for env in product.envs] == ["dev", "prd"]
    assert product.apps[0].actions[0].resource == "/customers/:id/orders"


def test_every_fault_is_told_at_once() -> None:
    faults = faults_of(
        {
            "nme": "Shop",
            "envs": [{"slug": "dev"}, {"slug": "dev"}],
            "apps": [an_app(auths=[{"tag": "t", "type": "bearer", "token": "literal"}])],
            "jobs": [{"tag": "a b", "handler": "ruby"}],
        }
    )
    assert faults.keys() == {
        "nme",
        "tag",
        "envs[1].slug",
        "apps[0].auths[0].token",
        "jobs[0].tag",
        "jobs[0].handler",
    }


def test_an_unknown_key_names_the_nearest_one() -> None:
    fault = faults_of(a_small_document(notifcations=[]))["notifcations"]
    assert "did you mean `notifications`?" in fault["message"]


@pytest.mark.parametrize("document", [{}, {"tag": "x"}, {"tag": None, "envs": None}])
def test_a_product_needs_a_tag_and_envs(document: JsonObject) -> None:
    assert "envs" in faults_of(document)


def test_an_empty_list_of_envs_is_refused() -> None:
    assert "at least one env" in faults_of(a_small_document(envs=[]))["envs"]["message"]


@pytest.mark.parametrize("tag", ["", "a:b", "a b", "a/b", "{a}", "é", "x" * 201, "a\n", 7, None])
def test_a_tag_that_could_not_be_named_is_refused(tag: object) -> None:
    assert "jobs[0].tag" in faults_of(a_small_document(jobs=[{"tag": tag, "handler": "python"}]))


def test_equal_tags_in_one_list_name_both() -> None:
    jobs = [{"tag": "a", "handler": "python"}, {"tag": "a", "handler": "python"}]
    assert "jobs[0]" in faults_of(a_small_document(jobs=jobs))["jobs[1].tag"]["found"]


@pytest.mark.parametrize(
    ("section", "things"),
    [
        ("jobs", [{"tag": "send", "handler": "python"}]),
        ("functions", [{"tag": "send", "handler": "python"}]),
        ("notifications", [{"tag": "send"}]),
    ],
)
def test_tags_that_one_event_could_name_are_told_apart(section: str, things: object) -> None:
    apps = [an_app(actions=[an_action("send")])]
    fault = faults_of(a_small_document(apps=apps, **{section: things}))[f"{section}[0].tag"]
    assert "apps[0].actions[0]" in fault["found"]


def test_two_apps_may_have_actions_of_one_tag() -> None:
    apps = [
        an_app(tag="one", actions=[an_action("send")]),
        an_app(tag="two", actions=[an_action("send")]),
    ]
    assert len(parse_product(a_small_document(apps=apps)).apps) == 2


def test_a_session_and_a_job_may_share_a_tag() -> None:
    document = a_small_document(
        jobs=[{"tag": "a", "handler": "python"}],
        sessions=[{"tag": "a", "schema": {"id": ""}, "expiry": 1}],
    )
    assert parse_product(document).jobs[0].tag == "a"


def test_an_env_that_the_product_lacks_names_the_nearest() -> None:
    app = {"tag": "partner", "envs": [{"slug": "deb", "base_url": "https://a.example"}]}
    fault = faults_of(a_small_document(apps=[app]))["apps[0].envs[0].slug"]
    assert "did you mean `dev`?" in fault["message"]


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("auths[0].token", {"auths": [{"tag": "t", "type": "bearer", "token": "abc"}]}),
        (
            "auths[0].password",
            {"auths": [{"tag": "t", "type": "basic", "username": "me", "password": "pw"}]},
        ),
        (
            "auths[0].value",
            {"auths": [{"tag": "t", "type": "api_key", "name": "X-Key", "value": "abc"}]},
        ),
        (
            "auths[0].envs[0].token",
            {
                "auths": [
                    {
                        "tag": "t",
                        "type": "bearer",
                        "token": "$Secret{a}",
                        "envs": [{"slug": "dev", "token": "abc"}],
                    }
                ]
            },
        ),
        (
            "actions[0].headers.Authorization",
            {"actions": [an_action(headers={"Authorization": "Bearer abc"})]},
        ),
        ("actions[0].query.api_key", {"actions": [an_action(query={"api_key": "abc"})]}),
        (
            "actions[0].body.a[0].password",
            {"actions": [an_action(body={"a": [{"password": "x"}]})]},
        ),
        ("variables[0].value", {"variables": [{"key": "api_token", "value": "abc"}]}),
        ("constants[0].value", {"constants": [{"key": "client-secret", "value": "abc"}]}),
    ],
)
def test_a_literal_credential_is_refused_with_how_to_store_it(path: str, parts: JsonObject) -> None:
    fault = faults_of_app(**parts)[f"apps[0].{path}"]
    assert "ductape secrets set NAME --product shop" in fault["message"]
    assert "abc" not in fault["message"]


def test_a_credential_of_a_wrong_type_is_not_shown() -> None:
    fault = faults_of_app(auths=[{"tag": "t", "type": "bearer", "token": 123456}])
    assert "123456" not in fault["apps[0].auths[0].token"]["message"]


def test_providers_take_credentials_as_secrets_only() -> None:
    notification = {
        "tag": "tell",
        "push": {"access_token": "abc"},
        "email": {"host": "h", "sender": "s@h", "username": "me", "password": "pw"},
        "callback": {"url": "https://a.example", "auth": {"type": "bearer", "token": "abc"}},
    }
    assert faults_of(a_small_document(notifications=[notification])).keys() == {
        "notifications[0].push.access_token",
        "notifications[0].email.password",
        "notifications[0].callback.auth.token",
    }


def test_a_secret_may_stand_inside_longer_text() -> None:
    action = an_action(headers={"Authorization": "Token $Secret{partner}"})
    product = parse_product(a_small_document(apps=[an_app(actions=[action])]))
    assert secrets_of(product) == {"partner"}


@pytest.mark.parametrize(
    ("auth", "path"),
    [
        ({"type": "bearer"}, "token"),
        ({"type": "basic", "username": "me"}, "password"),
        ({"type": "api_key", "value": "$Secret{a}"}, "name"),
        ({"type": "bearer", "token": "$Secret{a}", "username": "me"}, "username"),
    ],
)
def test_an_auth_has_the_fields_of_its_type_and_no_others(auth: JsonObject, path: str) -> None:
    assert faults_of_app(auths=[{"tag": "t", **auth}]).keys() == {f"apps[0].auths[0].{path}"}


@pytest.mark.parametrize(
    ("username", "password"), [("", "$Secret{a}"), ("$Secret{a}", ""), ("me", "")]
)
def test_a_basic_auth_may_have_no_user_name_or_no_password(username: str, password: str) -> None:
    auth: JsonObject = {"type": "basic", "username": username, "password": password}
    app = an_app(auths=[{"tag": "t", **auth}])
    callback = {"url": "https://a.example", "auth": auth}
    notification = {"tag": "n", "callback": callback, "envs": [{"slug": "dev"}]}
    product = parse_product(a_small_document(apps=[app], notifications=[notification]))
    assert product.apps[0].auths[0].password == password


def test_an_auth_may_be_given_env_by_env() -> None:
    auth = {"tag": "t", "type": "bearer", "envs": [{"slug": "dev", "token": "$Secret{a}"}]}
    assert parse_product(a_small_document(apps=[an_app(auths=[auth])])).apps[0].auths


def test_an_unknown_type_of_auth_is_one_fault() -> None:
    auth = {"tag": "t", "type": "barer", "token": "$Secret{a}"}
    assert faults_of_app(auths=[auth]).keys() == {"apps[0].auths[0].type"}


@pytest.mark.parametrize(
    "url",
    ["partner.example", "ftp://a.example", "https://", "https://a b", "http://[::1", "https://a?b"],
)
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    fault = faults_of_app(envs=[{"slug": "dev", "base_url": url}])
    assert fault.keys() == {"apps[0].envs[0].base_url"}


def test_a_url_with_credentials_is_refused_without_showing_them() -> None:
    fault = faults_of_app(envs=[{"slug": "dev", "base_url": "https://me:pw@a.example"}])
    assert "pw@" not in fault["apps[0].envs[0].base_url"]["message"]


def test_an_app_with_actions_is_somewhere() -> None:
    app = {"tag": "partner", "actions": [an_action()]}
    assert faults_of(a_small_document(apps=[app])).keys() == {"apps[0].envs"}


@pytest.mark.parametrize(
    ("action", "path"),
    [
        ({"resource": "things"}, "resource"),
        ({"resource": "/things?a=b"}, "resource"),
        ({"auth": "nobody"}, "auth"),
        ({"envs": [{"slug": "dev", "auth": "nobody"}]}, "envs[0].auth"),
        ({"headers": {"Host": "a"}}, "headers.Host"),
        ({"method": "post"}, "method"),
        ({"request": {"bdy": {}}}, "request.bdy"),
        ({"request": {"body": {"id": {"type": "STRNG"}}}}, "request.body.id.type"),
        ({"request": {"body": {"id": {"required": True}}}}, "request.body.id"),
    ],
)
def test_an_action_that_cannot_work_is_refused(action: JsonObject, path: str) -> None:
    faults = faults_of_app(actions=[an_action(**action)])
    assert faults.keys() == {f"apps[0].actions[0].{path}"}


@pytest.mark.parametrize(
    "text",
    [
        "$Session{user}{id}",
        "$Variable{partner}{none}",
        "$Variable{nobody}{a}",
        "$Constant{partner}{none}",
        "$Auth{none}{token}",
        "$Auth{t}{password}",
        "$Secret{a",
    ],
)
def test_a_reference_that_points_at_nothing_is_refused(text: str) -> None:
    auths = [{"tag": "t", "type": "bearer", "token": "$Secret{a}"}]
    faults = faults_of_app(auths=auths, actions=[an_action(body={"a": text})])
    assert faults.keys() == {"apps[0].actions[0].body.a"}


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("variables[0].value", {"variables": [{"key": "a", "value": "$Variable{partner}{a}"}]}),
        ("constants[0].value", {"constants": [{"key": "a", "value": ["$Now() $Session{a}"]}]}),
        (
            "auths[0].token",
            {"auths": [{"tag": "t", "type": "bearer", "token": "$Secret{a}$Auth{t}{token}"}]},
        ),
    ],
)
def test_what_references_bring_in_takes_secrets_only(path: str, parts: JsonObject) -> None:
    (fault,) = faults_of_app(**parts).values()
    assert fault["path"].startswith(f"apps[0].{path}")
    assert "(`$Secret`)" in fault["expected"]


def test_words_for_people_are_no_definition() -> None:
    app = an_app(description="takes $Session{id} and costs $Nothing")
    assert parse_product(a_small_document(apps=[app])).apps


def test_a_variable_has_a_value_somewhere() -> None:
    assert faults_of_app(variables=[{"key": "a"}]).keys() == {"apps[0].variables[0].value"}
    assert parse_product(a_small_document(apps=[an_app(variables=[{"key": "a", "value": None}])]))


@pytest.mark.parametrize(
    ("sender", "taken"),
    [
        ("shop@example.org", True),
        ("Shop <shop@example.org>", True),
        ("Shöp, Inc. <shop@exämple.org>", True),
        ('"Shop <3" <shop@example.org>', True),
        ("$Secret{sender}", True),
        ("Shop <$Secret{sender}>", True),
        ("Shop", False),
        ("a@example.org, b@example.org", False),
        ("Shop <a@example.org> <b@example.org>", False),
        ("Shop <a@example.org", False),
        ("Shop\r\nBcc: b@example.org <a@example.org>", False),
    ],
)
def test_a_sender_is_one_mailbox(sender: str, *, taken: bool) -> None:
    notification = {
        "tag": "tell",
        "envs": [{"slug": "dev", "email": {"host": "mail.example.org", "sender": sender}}],
    }
    document = a_small_document(notifications=[notification])
    if taken:
        assert parse_product(document)
    else:
        assert faults_of(document).keys() == {"notifications[0].envs[0].email.sender"}


@pytest.mark.parametrize(
    ("subject", "path"),
    [
        ("Order {{number}}\n", "subject"),
        ({"en": "Order", "nl": "Bestel\nling"}, "subject.nl"),
    ],
)
def test_a_subject_is_one_line(subject: object, path: str) -> None:
    email = {"subject": subject, "template": "Hi\nyou"}
    notification = {"tag": "tell", "messages": [{"tag": "m", "email": email}]}
    faults = faults_of(a_small_document(notifications=[notification]))
    assert faults.keys() == {f"notifications[0].messages[0].email.{path}"}


def test_push_is_a_second_name_that_cannot_stand_beside_the_first() -> None:
    notification = {"tag": "tell", "push": {}, "push_notification": {}}
    faults = faults_of(a_small_document(notifications=[notification]))
    assert faults.keys() == {"notifications[0].push"}


@pytest.mark.parametrize(
    ("session", "path"),
    [
        ({"schema": {}}, "schema"),
        ({"expiry": 0}, "expiry"),
        ({"expiry": 1.5}, "expiry"),
        ({"expiry": 40_000, "period": "days"}, "expiry"),
        ({"period": "weeks"}, "period"),
        ({"selector": "id"}, "selector"),
        ({"selector": "$Secret{id}"}, "selector"),
        ({"selector": "$Session{none}"}, "selector"),
        ({"selector": "$Session{flag}"}, "selector"),
        ({"selector": "$Session{id} of $Session{id}"}, "selector"),
        ({"verify": {"alg": "HS256", "key": "abc"}}, "verify.key"),
        ({"verify": {"alg": "none", "key": "abc"}}, "verify.alg"),
        ({"verify": {"alg": "ES256"}}, "verify"),
        ({"verify": {"alg": "ES256", "key": "-----BEGIN PRIVATE KEY-----"}}, "verify.key"),
        ({"verify": {"alg": "EdDSA", "jwks": {"keys": [{"d": "abc"}]}}}, "verify.jwks.keys[0]"),
    ],
)
def test_a_session_that_cannot_work_is_refused(session: JsonObject, path: str) -> None:
    whole = {"tag": "user", "schema": {"id": "", "flag": True}, "expiry": 1, **session}
    assert faults_of(a_small_document(sessions=[whole])).keys() == {f"sessions[0].{path}"}


@pytest.mark.parametrize("expiry", [0, -1, True, "5 min", 1e3, None])
def test_a_caches_expiry_is_a_whole_number_of_milliseconds(expiry: object) -> None:
    assert "caches[0].expiry" in faults_of(
        a_small_document(caches=[{"tag": "a", "expiry": expiry}])
    )


@pytest.mark.parametrize("days", [0, 0.009, -1, 36_501, True, "7d", 1e300, {}])
@pytest.mark.parametrize("name", ["completed", "failed"])
def test_how_long_runs_are_kept_is_a_number_of_days(name: str, days: JsonValue) -> None:
    faults = faults_of(a_small_document(retention={name: days}))
    assert faults.keys() == {f"retention.{name}"}


def test_a_product_may_say_how_long_its_runs_are_kept() -> None:
    said = parse_product(a_small_document(retention={"completed": 7, "failed": 0.5})).retention
    assert said == Retention(completed=7, failed=0.5)
    for nothing in ({}, None):
        assert parse_product(a_small_document(retention=nothing)).retention in (None, Retention())


def test_secrets_are_told_for_each_env() -> None:
    product = parse_product(a_document())
    assert secrets_of(product) == {"partner_token", "live_token", "expo"}
    assert secrets_of(product, "dev") == {"partner_token", "expo"}
    assert "live_token" in secrets_of(product, "prd")


@pytest.mark.parametrize(
    "sections",
    [
        {"apps": [1] * 500_000},
        {f"x{n}": 1 for n in range(300_000)},
        {"jobs": [{"tag": "a", "handler": "python"}] * 50_000},
        {"apps": [{"tag": "a", "actions": [an_action(headers={"a": 1})] * 50_000}]},
    ],
)
def test_a_hostile_document_ends_at_a_hundred_faults(sections: JsonObject) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_product(a_small_document(**sections))
    assert len(caught.value.errors) == 100


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tag", "slug", "envs", "auth", "key", "x"]), inner)
    ),
    max_leaves=8,
)
sections = st.sampled_from(["tag", "envs", "apps", "notifications", "sessions", "caches", "jobs"])


@given(st.dictionaries(sections, json_values), st.sampled_from(["actions", "auths", "variables"]))
def test_whatever_is_given_either_parses_or_is_refused_with_paths(
    document: JsonObject, part: str
) -> None:
    document = a_document(**document, functions=[{part: document}])
    with pytest.raises(ValidationError) as caught:
        parse_product(document)
    assert all(fault["message"] for fault in caught.value.errors)
