"""`ductape import`: files in, a product out, and everything that was left aside (SPEC 13)."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.builders import Terminal
from tests.unit.importers.builders import KEPT, a_collection, a_request, an_openapi, many

NEW = ("--product", "p", "--env", "dev")
DOCUMENT = an_openapi({"/x": {"get": {"operationId": "x"}, "trace": {}}})


def a_file(name: str, document: object) -> str:
    Path(name).write_text(json.dumps(document), encoding="utf-8")
    return name


def openapi(terminal: Terminal, *words: str) -> str:
    answer = terminal("import", "openapi", a_file("api.json", DOCUMENT), *words)
    assert answer.code == 0, answer.err
    return answer.out + answer.err


def test_what_is_written_can_be_applied(terminal: Terminal) -> None:
    told = openapi(terminal, *NEW, "--out", "product.yaml")
    assert "OpenAPI 3.0.3: 1 of 2 operations are actions of api" in told
    assert "wrote product.yaml" in told
    assert "skipped operation #/paths/~1x/trace: an action's method is none of 'TRACE'" in told
    assert terminal("apply", "product.yaml").code == 0


def test_a_file_alone_is_enough(terminal: Terminal) -> None:
    answer = terminal("import", "openapi", a_file("api.json", DOCUMENT))
    assert answer.out.startswith("tag: api\nenvs:\n- slug: dev\n")
    assert terminal("apply", "-", stdin=answer.out).code == 0


def test_without_a_file_the_product_is_printed_and_the_rest_told_beside(terminal: Terminal) -> None:
    answer = terminal("import", "openapi", a_file("api.json", DOCUMENT), *NEW)
    assert answer.out.startswith("tag: p\n")
    assert "skipped operation" in answer.err
    assert terminal("apply", "-", stdin=answer.out).code == 0


def test_a_dry_run_writes_nothing(terminal: Terminal) -> None:
    openapi(terminal, *NEW, "--out", "product.yaml", "--dry-run")
    assert not Path("product.yaml").exists()


def test_json_has_the_report(terminal: Terminal) -> None:
    answer = terminal("import", "openapi", a_file("api.json", DOCUMENT), *NEW, "--json")
    report = answer.json()
    assert report["counts"]["operation"] == {"found": 2, "imported": 1, "skipped": 1}
    assert [one["kind"] for one in report["skipped"]] == ["operation"]
    assert report["document"]["apps"][0]["tag"] == "api"
    assert (report["out"], report["actions"]) == (None, 1)
    out = terminal("import", "openapi", "api.json", *NEW, "--json", "--out", "p.json").json()
    assert "document" not in out
    assert json.loads(Path("p.json").read_text(encoding="utf-8")) == report["document"]


def test_an_app_joins_a_product_that_is_there(terminal: Terminal) -> None:
    product = "tag: shop\nenvs: [{slug: dev}, {slug: prd}]\njobs: [{tag: greet, handler: python}]\n"
    Path("product.yaml").write_text(product, encoding="utf-8")
    openapi(terminal, "--into", "product.yaml", "--env", "dev", "--app", "crm")
    shown = terminal("apply", "product.yaml", "--dry-run", "--json").json()
    assert "apps[crm]" in {one["path"] for one in shown["diff"]}
    assert "jobs[greet]" in {one["path"] for one in shown["diff"]}


def test_what_is_wrong_with_that_product_is_told_with_its_file(terminal: Terminal) -> None:
    Path("product.yaml").write_text("tag: shop\nenvs: 3\n", encoding="utf-8")
    words = ("--into", "product.yaml", "--env", "dev", "--app", "crm")
    answer = terminal("import", "openapi", a_file("api.json", DOCUMENT), *words)
    assert answer.code == 2
    assert "product.yaml: envs: expected a list" in answer.err


def test_that_comments_are_lost_is_told(terminal: Terminal) -> None:
    Path("product.yaml").write_text("# mine\ntag: shop\nenvs: [{slug: dev}]\n", encoding="utf-8")
    told = openapi(terminal, "--into", "product.yaml")
    assert "warning: the comments of product.yaml are not kept" in told


def test_an_app_that_is_there_is_replaced_only_where_that_is_asked_for(terminal: Terminal) -> None:
    openapi(terminal, *NEW, "--out", "product.json")
    product = json.loads(Path("product.json").read_text(encoding="utf-8"))
    product["apps"][0]["envs"][0]["base_url"] = "https://mine.example"
    product["apps"][0]["actions"][0]["tag"] = "gone"
    a_file("product.json", product)
    again = ("import", "openapi", "api.json", "--into", "product.json")
    refused = terminal(*again)
    assert refused.code == 2
    assert "--replace" in refused.err
    told = terminal(*again, "--replace")
    assert "gone" in told.out
    app = json.loads(Path("product.json").read_text(encoding="utf-8"))["apps"][0]
    assert app["envs"][0]["base_url"] == "https://mine.example"
    assert [one["tag"] for one in app["actions"]] == ["x"]


def test_a_file_that_is_there_is_not_overwritten(terminal: Terminal) -> None:
    Path("product.yaml").write_text("mine", encoding="utf-8")
    words = ("import", "openapi", a_file("api.json", DOCUMENT), *NEW, "--out", "product.yaml")
    assert terminal(*words).code == 2
    assert Path("product.yaml").read_text(encoding="utf-8") == "mine"
    assert terminal(*words, "--force").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--product", "p p", "--env", "dev"), "a tag"),
        ((*NEW, "--var", "x"), "NAME=VALUE"),
        ((*NEW, "--auth", "oauth2"), "header:NAME"),
        ((*NEW, "--env", "=x"), "ENV=SERVER"),
        ((*NEW, "--out", "product.toml"), ".json"),
        ((*NEW, "--server", "https://a b"), "URL"),
        ((*NEW, "--server", "http://["), "URL"),
        ((*NEW, "--server", "ftp://a.example"), "URL"),
        ((*NEW, "--env", "prd=nowhere"), "URL"),
        ((*NEW, "--server", "https://me:pw@a.example"), "URL"),
    ],
)
def test_bad_use_is_told(terminal: Terminal, words: tuple[str, ...], said: str) -> None:
    answer = terminal("import", "openapi", a_file("api.json", DOCUMENT), *words)
    assert answer.code == 2
    assert said in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("api.json", '{"swagger": "2.0"}', "convert it to OpenAPI 3"),
        ("api.json", "{", "JSON"),
        ("api.yaml", "a: [", "YAML"),
        ("api.yaml", "- 1", "OpenAPI"),
        ("api.txt", "openapi: 3.0.0\nservers: [{url: /}]\npaths: {/x: {get: {}}}", "--server"),
    ],
)
def test_a_document_that_is_none_is_told(
    terminal: Terminal, name: str, text: str, said: str
) -> None:
    Path(name).write_text(text, encoding="utf-8")
    answer = terminal("import", "openapi", name, *NEW)
    assert answer.code == 2
    assert said in answer.err


def test_a_file_that_is_not_there_is_told(terminal: Terminal) -> None:
    answer = terminal("import", "openapi", "nothing.yaml", *NEW)
    assert (answer.code, answer.err.splitlines()[0]) == (2, "error: there is no file nothing.yaml")


def test_a_url_that_nobody_serves_is_told(terminal: Terminal) -> None:
    answer = terminal("import", "openapi", "http://127.0.0.1:1/api.json", *NEW)
    assert answer.code == 3
    assert "cannot connect" in answer.err


def test_a_collection_takes_an_environment_for_each_env(terminal: Terminal) -> None:
    answer = terminal(
        "import", "postman", str(KEPT / "shop.postman.json"), *NEW, "--env", "stg",
        "--environment", f"stg={KEPT / 'shop.environment.json'}", "--json",
    )  # fmt: skip
    envs = answer.json()["document"]["apps"][0]["envs"]
    assert [one["base_url"] for one in envs] == [
        "https://shop.example/v2",
        "https://staging.shop.example",
    ]


def test_a_file_that_is_no_environment_is_told(terminal: Terminal) -> None:
    collection = a_file("c.json", a_collection(a_request()))
    answer = terminal("import", "postman", collection, *NEW, "--environment", collection)
    assert answer.code == 2
    assert "Postman environment" in answer.err


def test_alike_parts_are_told_once_with_their_number(terminal: Terminal) -> None:
    parameters = [{"name": f"c{at}", "in": "body"} for at in range(30)]
    document = an_openapi({"/x": {"get": {"parameters": parameters}}})
    answer = terminal("import", "openapi", a_file("c.json", document), *NEW, "--dry-run")
    assert "left out parameter `c0` in body of #/paths/~1x/get and 29 more" in answer.out


def test_two_thousand_operations_are_imported_by_the_command(terminal: Terminal) -> None:
    answer = terminal("import", "openapi", a_file("big.json", many(2_000)), *NEW, "--out", "p.yaml")
    assert "2000 of 2000 operations" in answer.out
