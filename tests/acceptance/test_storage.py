"""Files from a product document to a result: stored, at once, with sessions (SPEC 9)."""

import sys
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import run
from typing import cast

import pytest

from ductape import Ductape, JobFailed, NotFound, ValidationError
from ductape.domain.jsonvalue import JsonObject, JsonValue
from tests.architecture.source import ROOT
from tests.pages import expected_print
from tests.parts import parts_in
from tests.servers.buckets import ACCESS_KEY, SECRET_KEY, BucketServer, rclone_server
from tests.servers.http import http_receiver

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))


def a_document(folder: Path, bucket: BucketServer | None = None) -> JsonObject:
    """Build a product whose files are in a folder, in `prd` in a bucket."""
    envs: list[JsonObject] = [{"slug": "dev", "path": str(folder), "prefix": "t1"}]
    if bucket is not None:
        keys: JsonObject = {
            "access_key_id": "$Secret{KEY_ID}",
            "secret_access_key": "$Secret{KEY}",
        }
        envs.append({"slug": "prd", **bucket.definition, **keys})
    return {
        "tag": "shop",
        "envs": [{"slug": "dev"}, {"slug": "prd"}, {"slug": "void"}],
        "sessions": [
            {
                "tag": "user",
                "schema": {"id": "u1"},
                "selector": "$Session{id}",
                "expiry": 1,
                "period": "hours",
            }
        ],
        "storage": [{"tag": "invoices", "type": "local", "envs": envs}],
        "jobs": [{"tag": "plain", "handler": "python"}],
    }


@pytest.fixture
async def ductape(tmp_path: Path) -> AsyncIterator[Ductape]:
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db") as opened:
        await opened.products.apply(a_document(tmp_path / "files"))
        yield opened


def asked(env: str = "dev", **given: object) -> dict[str, object]:
    """Build a request of the storage."""
    return {
        "product_tag": "shop",
        "env": env,
        "event": "invoices",
        "start_at": 0,
        "input": given,
    }


async def test_bytes_are_stored_as_they_are(ductape: Ductape, tmp_path: Path) -> None:
    request = asked(fileName="a.png", blob=PNG)
    result = cast("JsonObject", await ductape.processor.job.schedule(request, timeout=20))
    assert (result["mimeType"], result["size"]) == ("image/png", len(PNG))
    assert (tmp_path / "files/t1/a.png").read_bytes() == PNG
    jobs = await ductape.jobs.list(kind="storage")
    assert jobs[0]["input"] == {"fileName": "a.png", "blob": b64encode(PNG).decode()}


async def test_bytes_and_their_base64_are_the_same_request(ductape: Ductape) -> None:
    bare = {**asked(fileName="a.png", blob=PNG), "key": "k1", "start_at": "2099-01-01"}
    first = await ductape.processor.job.dispatch(bare)
    coded = {**bare, "input": {"fileName": "a.png", "blob": b64encode(PNG).decode()}}
    assert (await ductape.processor.job.dispatch(coded))["job_id"] == first["job_id"]


@pytest.mark.parametrize(
    "given",
    [{"fileName": "a", "buffer": b"x"}, {"fileName": b"a"}, {"fileName": "a", "x": {"blob": b"x"}}],
)
async def test_bytes_elsewhere_are_refused(ductape: Ductape, given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="bytes"):
        await ductape.processor.job.dispatch(asked(**given))


@pytest.mark.parametrize("size", [800_000, 2 * 1_048_576])
async def test_more_bytes_than_an_input_has_are_told_where_they_are(
    ductape: Ductape, size: int
) -> None:
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.job.dispatch(asked(fileName="a", blob=b"x" * size))
    (error,) = raised.value.errors
    assert (error["path"], error["expected"]) == ("input.blob", "at most 786432 bytes")
    assert error["found"] == f"{size}"
    assert "`file` or `url`" in str(error["hint"])


async def test_bytes_for_another_kind_are_refused(ductape: Ductape) -> None:
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.job.dispatch({**asked(blob=b"x"), "event": "plain"})
    assert [one["path"] for one in raised.value.errors] == ["input.blob"]


async def test_a_storage_works_at_once(ductape: Ductape) -> None:
    request = {key: value for key, value in asked().items() if key != "start_at"}
    upload = {**request, "input": {"fileName": "a/1.txt", "buffer": "aGVsbG8="}}
    await ductape.processor.storage.run(upload)
    download = {**request, "input": {"operation": "download", "fileName": "a/1.txt"}}
    found = cast("JsonObject", await ductape.processor.storage.run(download))
    assert found["buffer"] == "aGVsbG8="


async def test_a_name_that_a_session_brings_stays_inside(ductape: Ductape, tmp_path: Path) -> None:
    for user, good in (("7", True), ("../../7", False)):
        started = await ductape.processor.sessions.start(
            {"product": "shop", "env": "dev", "tag": "user", "data": {"id": user}}
        )
        request = {
            **asked(fileName="$Session{user}{id}.txt", buffer="aGk="),
            "session": {"tag": "user", "token": started["token"]},
        }
        if good:
            await ductape.processor.job.schedule(request, timeout=20)
            continue
        with pytest.raises(JobFailed) as raised:
            await ductape.processor.job.schedule(request, timeout=20)
        assert raised.value.error["code"] == "VALIDATION_ERROR"
    names = sorted(one.name for one in (tmp_path / "files").rglob("*.txt"))
    assert names == ["7.txt"]


async def test_an_env_that_the_storage_is_not_in_is_not_found(ductape: Ductape) -> None:
    with pytest.raises(NotFound, match="dev"):
        await ductape.processor.job.dispatch(asked("void", operation="list"))


async def test_every_fault_of_an_input_is_told_at_once(ductape: Ductape) -> None:
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.job.dispatch(
            asked(fileName="../x", buffer="no base64!", mimeType="png", filename="x", limit=3)
        )
    assert {one["path"] for one in raised.value.errors} == {
        "input.fileName",
        "input.buffer",
        "input.mimeType",
        "input.filename",
        "input.limit",
    }


async def test_the_same_event_keeps_its_files_in_a_bucket_elsewhere(tmp_path: Path) -> None:
    with rclone_server() as bucket:
        async with Ductape.open(f"sqlite:///{tmp_path}/a.db") as ductape:
            await ductape.products.apply(a_document(tmp_path / "files", bucket))
            await ductape.secrets.set("KEY_ID", ACCESS_KEY, product="shop")
            await ductape.secrets.set("KEY", SECRET_KEY, product="shop")
            request = asked("prd", fileName="a.png", blob=PNG)
            result = cast("JsonObject", await ductape.processor.job.schedule(request, timeout=20))
            assert str(result["url"]).startswith(bucket.url)
            await ductape.secrets.set("KEY", "another-secret-key", product="shop")
            with pytest.raises(JobFailed) as raised:
                await ductape.processor.job.schedule(request, timeout=20)
            assert raised.value.error["code"] == "UNAUTHORIZED"
            assert "another-secret-key" not in str(await ductape.jobs.list())


async def test_a_feature_sends_what_it_downloads_as_it_is(ductape: Ductape, tmp_path: Path) -> None:
    attach: JsonObject = {
        "tag": "attach",
        "method": "POST",
        "resource": "/files",
        "content_type": "multipart",
        "request": {"body": {"file": {"type": "OBJECT"}}},
    }
    download: JsonObject = {"operation": "download", "fileName": "$Input{name}"}
    events: list[JsonValue] = [
        {"tag": "get", "event": "invoices", "type": "storage", "input": download},
        {"event": "attach", "app": "crm", "input": {"body": {"file": "$Sequence{main}{get}"}}},
    ]
    async with http_receiver() as server:
        document = a_document(tmp_path / "files")
        document["envs"] = [{"slug": "dev", "allow_private": True}]
        document["apps"] = [{"tag": "crm", "base_url": server.url, "actions": [attach]}]
        document["features"] = [
            {
                "tag": "forward",
                "input": {"name": {"type": "STRING"}},
                "sequence": [{"tag": "main", "events": events}],
            }
        ]
        await ductape.products.apply(document, force=True)
        await ductape.processor.job.schedule(asked(fileName="may/one.png", blob=PNG))
        forward = {**asked(name="may/one.png"), "event": "forward"}
        await ductape.processor.job.schedule(forward)
        sent = server.only()
    parts = parts_in(sent.body, sent.headers["content-type"])
    assert parts == [("file", "one.png", "image/png", PNG)]


def test_the_example_prints_what_its_page_says(tmp_path: Path) -> None:
    example = ROOT / "examples/storage"
    command = [sys.executable, str(example / "invoices.py")]
    done = run(command, cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603 (our own program)
    assert done.stdout == expected_print(example / "README.md")
    assert (tmp_path / "files/invoices/2026/1001.txt").read_bytes() == b"Invoice 1001: 12.50"
