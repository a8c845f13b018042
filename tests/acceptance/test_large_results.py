"""Results that are too large for the store go to the storage that the product names (SPEC 19)."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import msgspec
import pytest

from ductape import Ductape, Handlers, JobFailed, ValidationError
from ductape.domain.jsonvalue import JsonObject

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

    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", handlers=handlers) as opened:
        yield opened


async def test_a_large_result_lies_in_the_storage(ductape: Ductape, tmp_path: Path) -> None:
    await ductape.products.apply(a_document(tmp_path / "files"))
    receipt = await ductape.processor.job.dispatch(JOB)
    result = cast("JsonObject", await ductape.processor.job.wait(receipt["job_id"], timeout=20))
    stored = cast("JsonObject", result["stored"])
    assert stored["storage"] == "files"
    assert stored["fileName"] == f"results/{receipt['job_id']}/1.json"
    content = (tmp_path / "files" / str(stored["fileName"])).read_bytes()
    assert (stored["size"], stored["mimeType"]) == (len(content), "application/json")
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


async def test_a_storage_for_results_must_be_there(ductape: Ductape, tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as raised:
        await ductape.products.apply(a_document(tmp_path, result_storage="flies"))
    (fault,) = raised.value.errors
    assert (fault["path"], "did you mean `files`" in fault["message"]) == ("result_storage", True)
