"""A crash between a provider's yes and its recording: what each kind promises, on real servers.

A worker in a process of its own is killed by SIGKILL where it would record. Another one takes the
run over, and asks again under the same idempotency key; what comes of that is looked up on the
server, by somebody else's client. `docs/explanation/guarantees.md` says what is proven here.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape import Ductape, JobFailed
from tests.acceptance.dying import (
    LOST_ONCE,
    Where,
    a_job,
    after_a_death,
    applied,
    keys_of,
    tries,
    with_secrets,
)
from tests.acceptance.test_large_results import without_history
from tests.servers.buckets import BUCKET, moto_server, s3_client
from tests.servers.http import Receiver, http_receiver


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


UPLOAD = {"buffer": b64encode(b"a receipt").decode(), "fileName": "2026/receipt.txt"}


async def test_a_file_that_is_uploaded_again_is_the_same_file_in_a_folder(
    store: str, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    await applied(store, storage=[{"tag": "files", "type": "local", "path": str(folder)}])
    inodes: list[int] = []

    async def look() -> None:
        inodes.append((folder / "2026/receipt.txt").stat().st_ino)

    view = await after_a_death(store, a_job("files", UPLOAD), between=look)
    assert tries(view) == LOST_ONCE
    assert (folder / "2026/receipt.txt").stat().st_ino not in inodes
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert [str(path.relative_to(folder)) for path in kept] == ["2026/receipt.txt"]
    assert kept[0].read_bytes() == b"a receipt"


async def test_a_file_that_is_uploaded_again_is_the_same_object_in_a_bucket(store: str) -> None:
    with moto_server() as bucket:
        looking = s3_client(bucket.port)
        kept = {"Status": "Enabled"}
        looking.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=kept)
        secrets = {"access_key_id": "$Secret{id}", "secret_access_key": "$Secret{key}"}
        await applied(store, storage=[{"tag": "files", **bucket.definition, **secrets}])
        await with_secrets(store, id="testing", key="testing")
        view = await after_a_death(store, a_job("files", UPLOAD))
        versions = looking.list_object_versions(Bucket=BUCKET)["Versions"]
        objects = looking.list_objects_v2(Bucket=BUCKET)["Contents"]
        looking.close()
    assert tries(view) == LOST_ONCE
    # The bucket keeps what was overwritten: it was sent twice, and both are alike.
    assert len(versions) == 2
    assert len({(one["Key"], one["ETag"]) for one in versions}) == 1
    assert [one["Key"] for one in objects] == ["2026/receipt.txt"]


async def test_a_large_result_s_file_goes_with_its_run_though_its_worker_died(
    store: str, tmp_path: Path
) -> None:
    # Uploaded, and then nobody could say so: it was noted before it was made.
    (tmp_path / "shop.db").touch()
    files = {"tag": "files", "type": "local", "path": str(tmp_path / "files")}
    large: dict[str, object] = {"tag": "large", "type": "read", "max_result_bytes": 2_000_000}
    large["template"] = "SELECT hex(zeroblob(700000)) AS x"
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    database = {"tag": "main", "type": "sqlite", "url": url, "actions": [large]}
    await applied(store, storage=[files], databases=[database], result_storage="files")
    with pytest.raises(JobFailed) as lost:
        await after_a_death(store, a_job("main:large", {}, onLost="fail"))
    assert lost.value.error["code"] == "WORKER_LOST"
    kept = [path.name for path in (tmp_path / "files/results").iterdir()]
    async with Ductape.open(store, config={}, worker=False) as ductape:
        await without_history(ductape)
    async with Ductape.open(store, config={}, worker=True), asyncio.timeout(20):
        while list((tmp_path / "files/results").iterdir()):  # noqa: ASYNC110 (a folder tells nobody)
            await asyncio.sleep(0.05)
    assert kept == [f"{lost.value.job_id}-1.json"]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with http_receiver() as running:
        yield running


def an_app(receiver: Receiver) -> dict[str, object]:
    send = {"tag": "send", "method": "POST", "resource": "/send"}
    return {"tag": "mail", "base_url": receiver.url, "actions": [send]}


async def test_an_action_is_called_again_under_the_same_key(store: str, receiver: Receiver) -> None:
    await applied(store, apps=[an_app(receiver)])
    view = await after_a_death(store, a_job("send", {"body": {"to": "ada"}}, app="mail"))
    assert tries(view) == LOST_ONCE
    assert keys_of(receiver) == [f"{view['id']}:1"] * 2


async def test_a_cloud_function_is_called_again_under_the_same_key(
    store: str, receiver: Receiver
) -> None:
    await applied(store, functions=[{"tag": "resize", "url": receiver.url}])
    view = await after_a_death(store, a_job("resize", {"payload": {"id": 7}}))
    assert tries(view) == LOST_ONCE
    assert keys_of(receiver) == [f"{view['id']}:1"] * 2


async def test_it_is_so_with_a_store_on_postgresql(database: str, receiver: Receiver) -> None:
    await applied(database, apps=[an_app(receiver)])
    view = await after_a_death(database, a_job("send", {"body": {"to": "ada"}}, app="mail"))
    assert tries(view) == LOST_ONCE
    assert keys_of(receiver) == [f"{view['id']}:1"] * 2


async def test_a_function_of_ones_own_is_called_again_with_its_key_and_what_it_noted(
    store: str, tmp_path: Path
) -> None:
    file = tmp_path / "calls"
    await applied(store, jobs=[{"tag": "keep", "handler": "python"}])
    view = await after_a_death(store, a_job("keep", {"file": str(file)}))
    first, second = file.read_text().splitlines()
    assert tries(view) == LOST_ONCE
    assert (first, second) == (f"{view['id']}:1 None", f"{view['id']}:1 done")


FALLBACK = {"tag": "any", "options": [{"type": "action", "app": "mail", "event": "send"}]}


async def test_a_fallback_s_answer_that_was_noted_is_given_without_another_call(
    store: str, receiver: Receiver
) -> None:
    await applied(store, apps=[an_app(receiver)], fallbacks=[FALLBACK])
    view = await after_a_death(store, a_job("any", {"body": {"to": "ada"}}))
    assert tries(view) == LOST_ONCE
    assert len(receiver.requests) == 1


async def test_a_fallback_s_answer_that_was_not_noted_is_asked_for_under_the_same_key(
    store: str, receiver: Receiver
) -> None:
    await applied(store, apps=[an_app(receiver)], fallbacks=[FALLBACK])
    view = await after_a_death(store, a_job("any", {"body": {"to": "ada"}}), "note")
    assert tries(view) == LOST_ONCE
    assert len(keys_of(receiver)) == 2
    assert set(keys_of(receiver)) == {f"{view['id']}:1:fallback.any.mail"}


QUOTA = {"tag": "texts", "limit": 10, "period": "day", "per": ["user"]}


@pytest.mark.parametrize(("dies_at", "remaining"), [("turn", 9), ("note", 8)])
async def test_a_quota_counts_once_what_was_noted_and_errs_on_the_strict_side_else(
    store: str, dies_at: Where, remaining: int
) -> None:
    await applied(store, quotas=[QUOTA])
    view = await after_a_death(store, a_job("texts", {"user": "ada"}), dies_at)
    assert tries(view) == LOST_ONCE
    async with Ductape.open(store, config={}) as ductape:
        asked = a_job("texts", {"user": "ada", "action": "check"})
        found = await ductape.processor.job.schedule(asked, timeout=20)
    assert isinstance(found, dict)
    assert found["remaining"] == remaining
