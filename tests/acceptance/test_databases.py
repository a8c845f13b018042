"""Database actions from `product.yaml` to a recorded result (SPEC 9, row `database_action`)."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from ductape import Ductape, JobFailed, ValidationError
from tests.servers.postgres import GUARDED, PostgresServer

PRODUCT = """
tag: shop
envs:
  - {slug: dev, allow_private: true}
  - {slug: prd, allow_private: true}
sessions:
  - {tag: user, schema: {id: 1}, expiry: 1, period: hours, selector: "$Session{id}"}
databases:
  - tag: main
    type: postgresql
    envs:
      - {slug: dev, url: "$Secret{dev_url}"}
      - {slug: prd, host: 127.0.0.1, port: PORT, user: guarded, password: "$Secret{pw}",
         database: postgres}
    actions:
      - tag: add
        type: create
        template: >
          INSERT INTO orders (id, customer, note)
          VALUES ({{id:INTEGER:1}}, '{{customer}}', '{{note:STRING::100}}') RETURNING id
      - tag: find
        type: read
        template: SELECT id, note FROM orders WHERE customer = '{{customer}}' ORDER BY id
      - {tag: whoami, type: read, template: SELECT current_user AS me}
      - {tag: clash, type: update, template: "DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$"}
"""


def job(event: str, given: dict[str, object], **more: object) -> dict[str, object]:
    what = {"product_tag": "shop", "env": "dev", "event": f"main:{event}", "input": given}
    return {**what, "start_at": 0, **more}


@pytest.fixture
async def ductape(server: PostgresServer, tmp_path: Path) -> AsyncIterator[Ductape]:
    """Open a store in a file, with a product whose database is on a server."""
    name = f"orders_{tmp_path.name.replace('-', '_')}".lower()
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    url = f"{server.url.removesuffix('/postgres')}/{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int PRIMARY KEY, customer int, note text)")
    file = tmp_path / "product.yaml"
    file.write_text(PRODUCT.replace("PORT", str(server.port)))
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db") as opened:
        await opened.secrets.set("dev_url", url, product="shop")
        await opened.products.apply(str(file))
        yield opened


async def test_from_the_document_to_a_recorded_result(ductape: Ductape) -> None:
    token = (
        await ductape.processor.sessions.start(
            {"product": "shop", "env": "dev", "tag": "user", "data": {"id": 7}}
        )
    )["token"]
    session = {"tag": "user", "token": token}
    given = {"data": {"id": 1, "customer": "$Session{user}{id}", "note": "it's '; DROP --"}}
    added = await ductape.processor.job.schedule(job("add", given, session=session))
    assert added == {"rows": [{"id": 1}], "count": 1}
    receipt = await ductape.processor.job.dispatch(job("find", {"filter": {"customer": 7}}))
    found = await ductape.processor.job.wait(receipt["job_id"], timeout=20)
    assert found == {"rows": [{"id": 1, "note": "it's '; DROP --"}], "count": 1}
    view = await ductape.jobs.get(receipt["job_id"])
    assert (view["kind"], view["status"], view["result"]) == ("database_action", "completed", found)
    at_once = job("find", {"filter": {"customer": 7}})
    del at_once["start_at"]
    assert await ductape.processor.db.execute(at_once) == found


async def test_what_does_not_fit_is_told_when_it_is_scheduled(ductape: Ductape) -> None:
    with pytest.raises(ValidationError) as caught:
        await ductape.processor.job.dispatch(job("add", {"data": {"id": "1", "nte": "x"}}))
    assert {one["path"] for one in caught.value.errors} == {
        "input.data.id",
        "input.data.customer",
        "input.data.note",
        "input.data.nte",
    }


async def test_a_deadlock_is_tried_again_and_a_clash_of_keys_is_not(ductape: Ductape) -> None:
    soon = {"retries": 1, "retryConfig": {"initialDelay": 1, "jitter": False}}
    with pytest.raises(JobFailed) as deadlock:
        await ductape.processor.job.schedule(job("clash", {}, **soon))
    assert (deadlock.value.error["code"], len(deadlock.value.attempts)) == ("DEADLOCK", 2)
    twice = job("add", {"data": {"id": 5, "customer": 1, "note": ""}}, **soon)
    await ductape.processor.job.schedule(twice)
    with pytest.raises(JobFailed) as clash:
        await ductape.processor.job.schedule(twice)
    assert (clash.value.error["code"], len(clash.value.attempts)) == ("VALIDATION_ERROR", 1)


async def test_a_changed_secret_is_used_by_the_next_attempt(
    ductape: Ductape, server: PostgresServer
) -> None:
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"DROP ROLE IF EXISTS {GUARDED}".encode())
        admin.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'right'".encode())
        asked = job("whoami", {}, env="prd")
        await ductape.secrets.set("pw", "wrong", product="shop")
        with pytest.raises(JobFailed) as refused:
            await ductape.processor.job.schedule(asked)
        assert refused.value.error["code"] == "UNAUTHORIZED"
        await ductape.secrets.set("pw", "right", product="shop")
        found = await ductape.processor.job.schedule(asked)
        assert found == {"rows": [{"me": GUARDED}], "count": 1}
        admin.execute(f"DROP ROLE {GUARDED}".encode())


async def test_the_example_prints_what_its_page_says(tmp_path: Path) -> None:
    folder = Path(__file__).parents[2] / "examples/database_action"
    told = (folder / "README.md").read_text(encoding="utf-8").split("```text\n")[1]
    ran = await asyncio.create_subprocess_exec(
        sys.executable, str(folder / "run.py"), cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await ran.communicate()
    assert printed.decode() == told.partition("```")[0]
