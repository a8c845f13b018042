"""Databases in a product document: where they are, what is asked of them (SPEC 8 and 9)."""

from typing import cast

import pytest

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product, secrets_of
from ductape.domain.product.addresses import reachable
from ductape.domain.product.resolution import Question, resolve
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target
from ductape.errors import Fault, NotFound, ValidationError
from tests.unit.catalog.builders import a_small_document, by_path

URL = "postgresql://app:$Secret{pw}@db.example/shop"
FIND = {"tag": "find", "type": "read", "template": "SELECT * FROM t WHERE id = {{id:INTEGER}}"}


def a_database(**parts: object) -> JsonObject:
    """Return a database with one action."""
    whole = {"tag": "main", "type": "postgresql", "url": URL, "actions": [FIND], **parts}
    return cast("JsonObject", {key: value for key, value in whole.items() if value is not None})


def document(**parts: object) -> JsonObject:
    envs = [{"slug": "dev", "allow_private": True}, {"slug": "prd"}]
    return {**a_small_document(databases=[a_database(**parts)]), "envs": envs}


def faults_of(**parts: object) -> dict[str, Fault]:
    with pytest.raises(ValidationError) as caught:
        parse_product(document(**parts))
    return by_path(caught.value)


def refused(template: str, kind: str, action: str = "read") -> str:
    """Return what was found in a template that is refused; nothing where it is taken."""
    url = f"{kind}://app:$Secret{{pw}}@db.example/shop"
    asked = {"tag": "find", "type": action, "template": template}
    try:
        parse_product(document(type=kind, url=url, actions=[asked]))
    except ValidationError as error:
        (found,) = error.errors
        assert found["path"] == "databases[0].actions[0].template"
        return found["found"]
    return ""


def target_of(env: str = "dev", **parts: object) -> Target:
    product = parse_product(document(**parts))
    found = resolve(product, Question(env, "main:find"))
    assert isinstance(found, Target)
    return found


def test_an_action_is_called_by_its_database_and_its_tag() -> None:
    target = target_of()
    assert (target.kind, target.event) == (JobEventTypes.DB_ACTION, "main:find")
    assert target.definition["url"] == URL
    assert target.definition["allow_private"] is True
    assert secrets_of(parse_product(document())) == {"pw"}


def test_what_looks_like_a_reference_in_sql_is_sql() -> None:
    sql = "SELECT $$it's {$Now()$$"
    target = target_of(actions=[{**FIND, "template": sql}])
    assert target.definition["template"] == {"$literal": sql}


def test_an_env_has_its_own_place() -> None:
    envs = [
        {"slug": "prd", "host": "db.prd", "database": "big", "allow_private": True},
        {"slug": "dev", "password": "$Secret{other}"},
    ]
    parts = {"url": None, "host": "db.dev", "user": "app", "database": "small", "envs": envs}
    prd, dev = (target_of(env, **parts).definition for env in ("prd", "dev"))
    assert (prd["host"], prd["user"], prd["database"]) == ("db.prd", "app", "big")
    assert (dev["host"], dev["password"]) == ("db.dev", "$Secret{other}")


def test_the_parts_of_an_env_replace_a_url() -> None:
    envs = [{"slug": "dev", "host": "127.0.0.1", "database": "shop"}]
    definition = target_of(envs=envs).definition
    assert "url" not in definition
    assert definition["host"] == "127.0.0.1"


def test_a_database_without_a_place_in_an_env_is_not_there() -> None:
    parts = {"url": None, "envs": [{"slug": "prd", "url": URL}]}
    with pytest.raises(NotFound, match="env of database `main`"):
        target_of(**parts)
    assert {env for env, *_ in reachable(parse_product(document(**parts)))} == {"prd"}


@pytest.mark.parametrize(
    ("parts", "path", "words"),
    [
        ({"url": None}, "databases[0].url", "where the database is"),
        ({"host": "db"}, "databases[0].host", "nothing beside `url`"),
        ({"url": "postgresql://app:literal@db/shop"}, "databases[0].url", "$Secret{NAME}"),
        ({"url": "mysql://db/shop"}, "databases[0].url", "begins with `postgresql://`"),
        ({"url": "postgresql://db"}, "databases[0].url", "the name of a database"),
        ({"url": "postgresql://db:x/shop"}, "databases[0].url", "a port from"),
        ({"url": "postgresql://db/a?passfile=/x"}, "databases[0].url", "one of the options"),
        ({"url": "postgresql://db/a?host=10.0.0.1"}, "databases[0].url", "one of the options"),
        ({"url": "postgresql://db/a?sslmode=maybe"}, "databases[0].url", "another `sslmode`"),
        ({"url": None, "host": "h", "password": "x"}, "databases[0].password", "$Secret{NAME}"),
        ({"type": "oracle"}, "databases[0].type", "postgresql"),
        ({"type": "sqlite", "url": "sqlite:///:memory:"}, "databases[0].url", "path of a file"),
        ({"type": "sqlite", "url": "sqlite://host/x"}, "databases[0].url", "path of a file"),
        ({"connections": 0}, "databases[0].connections", "1 to 100"),
        ({"url": "$Session{db}"}, "databases[0].url", "live here"),
    ],
)
def test_a_place_that_cannot_be_is_told(parts: JsonObject, path: str, words: str) -> None:
    assert words in faults_of(**parts)[path]["message"]


def test_no_fault_shows_a_credential() -> None:
    faults = faults_of(url="postgresql://app:hunter2@db/shop")
    assert "hunter2" not in str(faults)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("SELECT '{{a}} b'", "inside of a string"),
        ("SELECT 1; SELECT 2", "one statement"),
        ({"collection": "x"}, "an SQL statement as a text"),
        ("SELECT {{a:TEXT}}", "one of the data types"),
        ("SELECT $Secret{pw}", "`$Secret`"),
    ],
)
def test_a_template_that_cannot_be_used_is_told_at_apply(template: JsonValue, words: str) -> None:
    faults = faults_of(actions=[{**FIND, "template": template}])
    assert words in faults["databases[0].actions[0].template"]["message"]


@pytest.mark.parametrize(
    ("template", "path", "words"),
    [
        ("SELECT 1", "", "an object"),
        ({"filter": {}}, ".collection", "`collection`"),
        ({"collection": "{{x}}"}, ".collection", "the name of a collection"),
        ({"collection": "c", "fliter": {}}, ".fliter", "`filter`"),
        ({"collection": "c", "filter": {"$where": "x"}}, ".filter.$where", "no JavaScript"),
        ({"collection": "c", "filter": {"a": "x{{b}}"}}, ".filter.a", "the whole of its text"),
        ({"collection": "c", "filter": {"{{a}}": 1}}, '.filter["{{a}}"]', "without placeholders"),
        ({"collection": "c", "filter": {"a": "{{b:TEXT}}"}}, ".filter.a", "data types"),
        ({"collection": "c", "filter": []}, ".filter", "another type"),
        ({"collection": "c", "filter": "all"}, ".filter", "another type"),
        ({"collection": "c", "limit": True}, ".limit", "another type"),
        ({"collection": "c", "skip": "5"}, ".skip", "another type"),
        ({"collection": "c", "filter": {"a": [2**63]}}, ".filter.a[0]", "at most 64 bits"),
    ],
)
def test_a_document_template_is_judged_at_apply(template: JsonValue, path: str, words: str) -> None:
    parts = {"type": "mongodb", "url": "mongodb://db/shop"}
    faults = faults_of(**parts, actions=[{**FIND, "template": template}])
    assert words in faults[f"databases[0].actions[0].template{path}"]["message"]


@pytest.mark.parametrize(
    ("update", "path", "words"),
    [
        ({}, ".update", "what is changed"),
        ([], ".update", "what is changed"),
        ({"name": "{{name}}"}, ".update.name", "operators such as"),
    ],
)
def test_an_update_has_operators(update: JsonValue, path: str, words: str) -> None:
    template: JsonValue = {"collection": "c", "filter": {}, "update": update}
    action: JsonValue = {"tag": "set", "type": "update", "template": template}
    faults = faults_of(type="mongodb", url="mongodb://db/shop", actions=[action])
    assert words in faults[f"databases[0].actions[0].template{path}"]["message"]


def test_an_aggregate_only_reads() -> None:
    template = {"collection": "c", "pipeline": [{"$match": {}}, {"$out": "other"}]}
    action = {"tag": "sum", "type": "aggregate", "template": template}
    faults = faults_of(type="mongodb", url="mongodb://db/shop", actions=[action])
    path = "databases[0].actions[0].template.pipeline[1].$out"
    assert "stages that only read" in faults[path]["message"]


def test_tags_are_unique() -> None:
    assert "databases[0].actions[1].tag" in faults_of(actions=[FIND, FIND])


@pytest.mark.parametrize(
    "template",
    [
        "SELECT * FROM t INTO OUTFILE '/tmp/x'",
        "select a into/**/outfile '/tmp/x' from t",
        "SELECT a INTO -- here\n DUMPFILE '/tmp/x' FROM t",
        "(SELECT 1) INTO OUTFILE '/tmp/x'",
        "WITH c AS (SELECT 1) SELECT * FROM c INTO DUMPFILE '/tmp/x'",
    ],
)
@pytest.mark.parametrize("kind", ["mysql", "mariadb"])
def test_a_read_writes_no_file_on_the_server(template: str, kind: str) -> None:
    assert "writes a file on the server" in refused(template, kind)


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ("COPY t TO PROGRAM 'cat > /tmp/x'", "postgresql"),
        ("COPY (SELECT 1) TO '/tmp/x'", "postgresql"),
        ("/* a */ copy t to '/tmp/x'", "postgresql"),
        ("DO $$ BEGIN COPY t TO '/tmp/x'; END $$", "postgresql"),
        ("CHECKPOINT", "postgresql"),
        ("KILL 5", "mysql"),
        ("FLUSH LOGS", "mariadb"),
    ],
)
def test_a_read_begins_with_a_word_that_asks(template: str, kind: str) -> None:
    assert refused(template, kind) == f"`{template.removeprefix('/* a */ ').split()[0].upper()}`"


@pytest.mark.parametrize(
    ("template", "kind"),
    [
        ("SELECT 'into outfile', `outfile` FROM t -- INTO OUTFILE 'x'", "mysql"),
        ("SELECT outfile, dumpfile FROM t", "postgresql"),
        ("SHOW TABLES", "mariadb"),
        ("TABLE t", "mysql"),
        ("WITH c AS (SELECT 1) SELECT * FROM c", "postgresql"),
        ("EXPLAIN SELECT 1", "postgresql"),
        ("(SELECT 1) UNION (SELECT 2)", "mariadb"),
        ("CALL report()", "mysql"),
    ],
)
def test_whatever_asks_is_a_read(template: str, kind: str) -> None:
    assert refused(template, kind) == ""


def test_what_is_no_read_may_write_a_file() -> None:
    assert refused("SELECT 1 INTO OUTFILE '/tmp/x'", "mysql", "create") == ""


@pytest.mark.parametrize("comment", ["/*! INTO OUTFILE '/tmp/x' */", "/*!50000 a*/", "/*M! b */"])
@pytest.mark.parametrize("action", ["read", "create"])
def test_no_comment_is_executed(comment: str, action: str) -> None:
    assert "a comment that is executed" in refused(f"SELECT 1 {comment}", "mysql", action)
