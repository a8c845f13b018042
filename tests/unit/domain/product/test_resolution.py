"""What an event names (SPEC 8)."""

import msgspec
import pytest

from ductape.domain.definitions.action import ActionTarget
from ductape.domain.definitions.notification import NotificationTarget
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product import Choice, Question, choose, parse_product, resolve
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import NotFound, ValidationError
from tests.unit.catalog.builders import a_document, a_small_document, an_action, an_app

SHOP = parse_product(a_document())
PUSH: JsonObject = {"push_notification": {"title": {"en": "Shipped"}}}


def target_of(event: str, *, env: str = "dev", app: str | None = None) -> Target:
    target = resolve(SHOP, Question(env, event, app))
    assert isinstance(target, Target)
    return target


def notified(event: str, given: JsonObject, *, env: str = "dev") -> Target:
    choice = resolve(SHOP, Question(env, event))
    assert isinstance(choice, Choice)
    return choose(choice, given)


def action_in(env: str) -> ActionTarget:
    return msgspec.convert(target_of("create_order", env=env).definition, ActionTarget)


def test_an_action_is_found_by_its_tag_with_and_without_app() -> None:
    assert target_of("create_order", app="partner") == target_of("create_order")
    assert target_of("create_order").app == "partner"
    assert target_of("create_order").kind is JobEventTypes.ACTION


def test_an_envs_entry_wins_over_what_stands_beside_it() -> None:
    dev, prd = action_in("dev"), action_in("prd")
    assert (dev.base_url, dev.allow_private) == ("http://127.0.0.1:9", True)
    assert (prd.base_url, prd.allow_private) == ("https://partner.example", False)
    assert dev.auth is not None
    assert dev.auth.token == "$Secret{partner_token}"
    assert prd.auth is not None
    assert prd.auth.token == "$Secret{live_token}"


def test_headers_and_query_are_merged_name_by_name() -> None:
    assert action_in("dev").query == {"site": "$Variable{partner}{site}"}
    assert action_in("prd").query == {"site": "$Variable{partner}{site}", "live": True}


def test_an_action_may_be_the_base_url_itself_with_params_of_each_env() -> None:
    here = {"slug": "dev", "resource": "", "params": {"id": "$Variable{main}{v}", "part": "b"}}
    action = an_action(resource="/x/:id/:part", params={"id": 1, "part": "a"}, envs=[here])
    variable = {"key": "v", "value": "5"}
    app = an_app(tag="main", actions=[action], variables=[variable])
    product = parse_product(a_small_document(apps=[app]))
    target = resolve(product, Question("dev", str(action["tag"])))
    assert isinstance(target, Target)
    definition = msgspec.convert(target.definition, ActionTarget)
    assert definition.resource == ""
    assert definition.params == {"id": "$Variable{main}{v}", "part": "b"}


def test_a_target_brings_what_its_references_need() -> None:
    assert target_of("create_order", env="prd").variables == {"partner": {"site": "live"}}
    assert target_of("create_order").constants == {"partner": {"source": "shop"}}
    assert target_of("create_order").auths["token"]["token"] == "$Secret{partner_token}"


def test_a_digest_changes_with_the_definition_and_what_it_brings() -> None:
    digests = {target_of("create_order", env=env).digest for env in ("dev", "prd")}
    other = a_document()
    other["apps"][0]["constants"][0]["value"] = "else"
    changed = resolve(parse_product(other), Question("dev", "create_order"))
    assert isinstance(changed, Target)
    assert len({*digests, changed.digest}) == 3


def test_a_message_is_named_in_the_event_or_by_the_inputs_slug() -> None:
    named = notified("tell:welcome", {})
    assert named == notified("tell", {"slug": "welcome"})
    assert named.event == "tell:welcome"
    definition = msgspec.convert(named.definition, NotificationTarget)
    assert definition.message is not None
    assert definition.message.email == {"subject": "Hi {{name}}", "template": None, "text": None}


def test_an_undefined_slug_is_allowed_where_content_is_given() -> None:
    target = notified("tell", {"slug": "order_update", **PUSH})
    assert target.event == "tell"
    assert msgspec.convert(target.definition, NotificationTarget).message is None


def test_an_undefined_slug_without_content_names_the_messages() -> None:
    with pytest.raises(NotFound, match="there is `welcome`"):
        notified("tell", {"slug": "wellcome", "email": {}})


def test_a_slug_cannot_contradict_the_event() -> None:
    with pytest.raises(ValidationError, match=r"input\.slug"):
        notified("tell:welcome", {"slug": "order_update", **PUSH})


def test_a_notification_has_its_envs_providers_and_locale() -> None:
    dev = msgspec.convert(notified("tell", PUSH).definition, NotificationTarget)
    prd = msgspec.convert(notified("tell", PUSH, env="prd").definition, NotificationTarget)
    assert dev.push == prd.push
    assert (dev.email, dev.locale) == (None, "nl")
    assert prd.email is not None
    assert (prd.email.host, prd.email.port, prd.locale) == ("mail.example", 587, None)


@pytest.mark.parametrize(
    ("event", "kind", "needs", "sensitive"),
    [
        ("report", JobEventTypes.JOB, "job:report", False),
        ("add", JobEventTypes.FUNCTION, "function:add", True),
    ],
)
def test_a_declared_handler_is_needed_by_its_tag(
    event: str,
    kind: JobEventTypes,
    needs: str,
    sensitive: bool,  # noqa: FBT001 (a test's table)
) -> None:
    target = target_of(event)
    assert (target.kind, target.needs, target.sensitive) == (kind, needs, sensitive)


def test_a_handler_that_is_known_needs_no_declaration() -> None:
    target = resolve(SHOP, Question("dev", "clean"), frozenset({"job:clean"}))
    assert isinstance(target, Target)
    assert (target.kind, target.needs, target.definition) == (JobEventTypes.JOB, "job:clean", {})


def test_a_tag_of_two_handlers_must_be_declared() -> None:
    with pytest.raises(ValidationError, match="two, `function:clean`, `job:clean`"):
        resolve(SHOP, Question("dev", "clean"), frozenset({"job:clean", "function:clean"}))


def test_a_declared_thing_wins_over_a_handler_of_its_tag() -> None:
    target = resolve(SHOP, Question("dev", "create_order"), frozenset({"job:create_order"}))
    assert isinstance(target, Target)
    assert target.kind is JobEventTypes.ACTION


def test_an_unknown_event_names_what_exists_and_the_nearest() -> None:
    with pytest.raises(NotFound) as caught:
        target_of("create_ordr")
    assert caught.value.path == "event"
    assert "did you mean `create_order`?" in caught.value.message
    assert "`tell:welcome`" in caught.value.message


def test_an_unknown_env_names_what_exists() -> None:
    with pytest.raises(NotFound, match="there are `dev`, `prd`"):
        target_of("create_order", env="staging")


def test_an_app_that_is_not_connected_is_refused_at_app() -> None:
    with pytest.raises(ValidationError, match="not connected to the product") as caught:
        target_of("create_order", app="partnr")
    assert caught.value.path == "app"


def test_an_event_of_another_app_is_not_found() -> None:
    apps = [an_app(tag="one", actions=[an_action("send")]), an_app(tag="two")]
    product = parse_product(a_small_document(apps=apps))
    with pytest.raises(NotFound, match="app `two`"):
        resolve(product, Question("dev", "send", "two"))


def test_an_action_of_two_apps_needs_the_app() -> None:
    apps = [an_app(tag=tag, actions=[an_action("send")]) for tag in ("one", "two")]
    product = parse_product(a_small_document(apps=apps))
    with pytest.raises(ValidationError, match="an action of `one`, `two`") as caught:
        resolve(product, Question("dev", "send"))
    assert caught.value.path == "app"
    target = resolve(product, Question("dev", "send", "two"))
    assert isinstance(target, Target)
    assert target.app == "two"


def test_an_app_that_is_not_in_an_env_is_not_found_there() -> None:
    document = a_small_document(
        envs=[{"slug": "dev"}, {"slug": "prd"}], apps=[an_app(actions=[an_action("send")])]
    )
    with pytest.raises(NotFound, match="env of app `partner` called `prd`"):
        resolve(parse_product(document), Question("prd", "send"))


def test_an_app_may_be_named_for_what_is_no_action() -> None:
    assert target_of("report", app="partner").needs == "job:report"
