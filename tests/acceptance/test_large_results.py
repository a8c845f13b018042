"""Results that are too large for the store go to the storage that the product names (SPEC 19)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import msgspec
import pytest

from ductape import Ductape, Handlers, JobFailed, ValidationError
from ductape.domain.jsonvalue import JsonObject
from tests.servers.buckets import BUCKET, BucketServer, moto_server, s3_client

LARGE = ["line" * 10] * 30_000
JOB = {"product_tag": "shop", "env": "dev", "event": "report", "input": {}, "start_at": 0}


def a_document(folder: Path, **changes: object) -> dict[str, object]:
    """Build a product that names a storage for large results."""
    return {
        "tag": "shop",
        "envs": [{"slug": "dev"}],
        "result_storage": "files",
        "storage": [{"tag": "files", "type": "local", "path": str(folder)}],
        "jobs": [
            {"tag": "report", "handler": "python"},
            {"tag": "secret", "handler": "python", "sensitive": True},
        ],
        **changes,
    }


@pytest.fixture
async def ductape(tmp_path: Path) -> AsyncIterator[Ductape]:
    handlers = Handlers()

    @handlers.job("report")
    async def report(given: dict[str, object]) -> object:
        return given.get("small", LARGE)

    @handlers.job("secret")
    async def secret(_: dict[str, object]) -> object:
        return LARGE

    @handlers.feature("survey")
    async def survey(_: dict[str, object]) -> object:
        return LARGE

    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", handlers=handlers) as opened:
        yield opened


async def test_a_large_result_lies_in_the_storage(ductape: Ductape, tmp_path: Path) -> None:
    await ductape.products.apply(a_document(tmp_path / "files"))
    receipt = await ductape.processor.job.dispatch(JOB)
    result = cast("JsonObject", await ductape.processor.job.wait(receipt["job_id"], timeout=20))
    stored = cast("JsonObject", result["stored"])
    assert stored["storage"] == "files"
    assert stored["fileName"] == f"results/{receipt['job_id']}-1.json"
    content = (tmp_path / "files" / str(stored["fileName"])).read_bytes()
    assert (stored["size"], stored["mimeType"]) == (len(content), "application/json")
    assert msgspec.json.decode(content) == LARGE


async def test_that_of_a_feature_in_python_lies_there_too(ductape: Ductape, tmp_path: Path) -> None:
    features = [{"tag": "survey", "handler": "python"}]
    await ductape.products.apply(a_document(tmp_path / "files", features=features))
    result = await ductape.processor.job.schedule({**JOB, "event": "survey"}, timeout=20)
    stored = cast("JsonObject", cast("JsonObject", result)["stored"])
    content = (tmp_path / "files" / str(stored["fileName"])).read_bytes()
    assert msgspec.json.decode(content) == LARGE


async def test_a_result_that_fits_stays_where_it_was(ductape: Ductape, tmp_path: Path) -> None:
    await ductape.products.apply(a_document(tmp_path / "files"))
    small = {**JOB, "input": {"small": "x" * 1_000_000}}
    assert await ductape.processor.job.schedule(small, timeout=20) == "x" * 1_000_000
    assert not (tmp_path / "files").exists()


async def test_without_a_storage_a_large_result_is_a_failure(
    ductape: Ductape, tmp_path: Path
) -> None:
    await ductape.products.apply(a_document(tmp_path / "files", result_storage=None))
    with pytest.raises(JobFailed) as raised:
        await ductape.processor.job.schedule(JOB, timeout=20)
    assert raised.value.error["code"] == "RESULT_TOO_LARGE"
    assert len(raised.value.attempts) == 1


async def test_a_sensitive_result_is_never_put_where_it_lies_open(
    ductape: Ductape, tmp_path: Path
) -> None:
    await ductape.products.apply(a_document(tmp_path / "files"))
    with pytest.raises(JobFailed) as raised:
        await ductape.processor.job.schedule({**JOB, "event": "secret"}, timeout=20)
    assert raised.value.error["code"] == "RESULT_TOO_LARGE"
    assert not (tmp_path / "files").exists()


async def test_a_storage_that_cannot_take_it_fails_the_attempt(ductape: Ductape) -> None:
    await ductape.products.apply(a_document(Path("/proc/nowhere")))
    with pytest.raises(JobFailed) as raised:
        await ductape.processor.job.schedule(JOB, timeout=20)
    assert raised.value.error["code"] == "FORBIDDEN"


async def test_its_file_goes_with_its_run_from_a_bucket_too(store: str) -> None:
    handlers = Handlers()

    @handlers.job("report")
    async def report(_: dict[str, object]) -> object:
        return LARGE

    with moto_server() as bucket:
        async with Ductape.open(store, config={}, handlers=handlers, worker=True) as ductape:
            await with_a_bucket(ductape, bucket)
            await ductape.processor.job.schedule(JOB, timeout=20)
            kept = names_in(bucket)
            await without_history(ductape)
        async with Ductape.open(store, config={}, worker=True):  # Whoever starts looks at once.
            async with asyncio.timeout(20):
                while names_in(bucket):  # noqa: ASYNC110 (a bucket tells nobody)
                    await asyncio.sleep(0.05)
    (name,) = kept
    assert name.startswith("results/")


async def with_a_bucket(ductape: Ductape, bucket: BucketServer) -> None:
    """Apply a product whose results are in a bucket."""
    keys = {"access_key_id": "$Secret{id}", "secret_access_key": "$Secret{key}"}
    storage = [{"tag": "files", **bucket.definition, **keys}]
    for name in ("id", "key"):
        await ductape.secrets.set(name, "testing", product="shop")
    await ductape.products.apply(a_document(Path(), storage=storage))


def names_in(bucket: BucketServer) -> list[str]:
    looking = s3_client(bucket.port)
    found = looking.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    looking.close()
    return [one["Key"] for one in found]


async def without_history(ductape: Ductape) -> None:
    """Prune all that has ended, as upkeep does when it is old."""
    days_later_ms = 2**42
    upkeep = ductape.core.store.upkeep
    while await upkeep.prune(
        completed_before_ms=days_later_ms,
        failed_before_ms=days_later_ms,
        now_ms=days_later_ms,
        limit=100,
    ):
        pass


async def test_a_storage_for_results_must_be_there(ductape: Ductape, tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as raised:
        await ductape.products.apply(a_document(tmp_path, result_storage="flies"))
    (fault,) = raised.value.errors
    assert (fault["path"], "did you mean `files`" in fault["message"]) == ("result_storage", True)
