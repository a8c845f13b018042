"""`ductape apply` and `ductape products`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.builders import PRODUCT, Terminal, scheduled


def test_a_product_is_applied_once_and_its_diff_shown(terminal: Terminal) -> None:
    Path("product.json").write_text(json.dumps(PRODUCT))
    answer = terminal("apply", "product.json")
    assert answer.code == 0
    assert answer.out.splitlines()[0] == "shop: version 1"
    assert "  + jobs[pack]" in answer.out
    assert terminal("apply", "product.json").out == "shop: unchanged, version 1\n"


def test_a_dry_run_shows_the_diff_and_stores_nothing(shop: Terminal) -> None:
    changed = {**PRODUCT, "name": "Shop two", "caches": []}
    answer = shop("apply", "-", "--dry-run", stdin=json.dumps(changed))
    assert "shop: would become version 2" in answer.out
    assert "  ~ name" in answer.out
    assert "  - caches[stock]" in answer.out
    assert len(json.loads(shop("products", "versions", "shop", "--json").out)) == 1


def test_a_dry_run_shows_what_would_become_of_schedules(shop: Terminal) -> None:
    repeat, envs = {"cron": "0 3 * * *"}, [{"slug": "dev"}]
    nightly = {"tag": "nightly", "event": "pack", "repeat": repeat, "envs": envs}
    changed = json.dumps({**PRODUCT, "schedules": [nightly]})
    dry = shop("apply", "-", "--dry-run", stdin=changed)
    assert "  + schedules[nightly]" in dry.out
    assert "  schedule nightly in dev: would be created\n" in dry.out
    assert shop("jobs", "list", "--json").json() == []
    done = shop("apply", "-", stdin=changed)
    (job,) = shop("jobs", "list", "--metadata", "schedule=nightly", "--json").json()
    assert f"  schedule nightly in dev: created (job {job['id']})\n" in done.out
    dry = shop("apply", "-", "--dry-run", stdin=json.dumps(PRODUCT))
    assert f"  schedule nightly in dev: would be ended (job {job['id']})\n" in dry.out
    assert shop("apply", "-", stdin=changed).out == "shop: unchanged, version 2\n"


def test_a_change_that_strands_jobs_needs_force(shop: Terminal) -> None:
    job = scheduled(shop)
    changed = json.dumps({**PRODUCT, "jobs": [{"tag": "count", "handler": "python"}]})
    dry = shop("apply", "-", "--dry-run", stdin=changed)
    assert dry.code == 0
    assert f"job {job} (pack) would be stranded" in dry.err
    assert "--force" in dry.err
    refused = shop("apply", "-", stdin=changed)
    assert refused.code == 2
    assert job in refused.err
    assert shop("apply", "-", "--force", stdin=changed).code == 0


def test_a_missing_secret_is_a_warning_with_the_command_that_mends_it(terminal: Terminal) -> None:
    app = {
        "tag": "partner",
        "envs": [{"slug": "dev", "base_url": "https://partner.example"}],
        "auths": [{"tag": "t", "type": "bearer", "token": "$Secret{partner_token}"}],
        "actions": [{"tag": "order", "method": "POST", "resource": "/o", "auth": "t"}],
    }
    document = {"tag": "shop", "envs": [{"slug": "dev"}], "apps": [app]}
    answer = terminal("apply", "-", stdin=json.dumps(document))
    assert answer.code == 0
    assert "`ductape secrets set partner_token --product shop" in answer.err


def test_two_versions_are_compared(shop: Terminal) -> None:
    assert shop("apply", "-", stdin=json.dumps({**PRODUCT, "name": "Shop two"})).code == 0
    assert shop("products", "diff", "shop").out == "~ name\n"
    assert shop("products", "diff", "shop", "2", "1", "--json").json() == [
        {"op": "changed", "path": "name"}
    ]
    assert "nothing differs" in shop("products", "diff", "shop", "2", "2").err
    assert shop("products", "show", "shop", "--version", "1", "--json").json()["version"] == 1


def test_an_earlier_version_comes_back(shop: Terminal) -> None:
    assert shop("apply", "-", stdin=json.dumps({**PRODUCT, "name": "Shop two"})).code == 0
    dry = shop("products", "rollback", "shop", "--dry-run")
    assert dry.out == "shop: would become version 3\n  ~ name\n"
    assert shop("products", "rollback", "shop", "1").out == "shop: version 3\n  ~ name\n"
    answer = shop("products", "rollback", "shop", "9")
    assert answer.code == 2
    assert "no version 9" in answer.err


def test_every_fault_of_a_document_is_told(terminal: Terminal) -> None:
    answer = terminal("apply", "-", stdin="tag: shop\nenvs: 3\njobbs: []\n")
    assert answer.code == 2
    assert "envs: expected a list" in answer.err
    assert "did you mean `jobs`?" in answer.err


def test_what_is_piped_in_and_no_document_is_told_so(terminal: Terminal) -> None:
    answer = terminal("apply", "-", stdin="3")
    assert "error: standard input: expected an object, found a number" in answer.err


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("p.yaml", "envs: [\n", "expected YAML, found an error"),
        ("p.json", '{"a": 1', "expected JSON, found "),
        ("p.toml", "a =", "expected TOML, found "),
        ("p.yaml", "- 1\n", "expected an object at the top of the document"),
        ("p.yaml", "tag: shop\nenvs: 3\n", "envs: expected a list, found a number"),
        ("p.yaml", "tag: shop\nenvs: []\njobbs: []\n", "jobbs: expected a known key"),
    ],
)
def test_a_fault_of_a_document_names_its_file(
    terminal: Terminal, name: str, text: str, said: str
) -> None:
    Path(name).write_text(text)
    answer = terminal("apply", name)
    assert answer.code == 2
    told = [line.strip().removeprefix("error: ") for line in answer.err.splitlines()[1:]]
    assert all(line.startswith(f"{name}: ") for line in told)
    assert any(line.startswith(f"{name}: {said}") for line in told)


def test_products_are_listed_and_shown(shop: Terminal) -> None:
    assert shop("products", "list").out.splitlines()[1].split()[:3] == ["shop", "1", "Shop"]
    view = shop("products", "show", "shop", "--json").json()
    assert isinstance(view, dict)
    assert view["document"] == PRODUCT
    assert "- tag: pack" in shop("products", "show", "shop").out


@pytest.mark.parametrize("verb", ["show", "versions", "diff", "rollback"])
def test_an_unknown_product_is_not_found(shop: Terminal, verb: str) -> None:
    answer = shop("products", verb, "shp")
    assert answer.code == 2
    assert "shop" in answer.err


def test_a_store_without_products_says_how_to_begin(terminal: Terminal) -> None:
    assert "`ductape apply FILE`" in terminal("products", "list").err
