"""What needs an extra that is not installed fails with the line that installs it."""

import sys
from pathlib import Path

import pytest

from ductape import Ductape, JobFailed
from ductape.domain.jsonvalue import JsonObject

ENV = {"slug": "dev"}
BROKER: JsonObject = {
    "tag": "bus",
    "type": "redis",
    "envs": [{**ENV, "url": "redis://127.0.0.1:1/0", "allow_private": True}],
    "topics": [{"tag": "t", "name": "t"}],
}
DATABASE: JsonObject = {
    "tag": "db",
    "type": "mysql",
    "envs": [{**ENV, "url": "mysql://127.0.0.1:1/x", "allow_private": True}],
    "actions": [{"tag": "one", "type": "read", "template": "SELECT 1"}],
}
STORAGE: JsonObject = {"tag": "files", "type": "s3", "bucket": "b", "region": "eu-west-1"}

CASES: dict[str, tuple[str, JsonObject, str, JsonObject, str]] = {
    "redis": (
        "brokers",
        BROKER,
        "bus:t",
        {"message": {}},
        "ductape.providers.brokers.redis.link",
    ),
    "mysql": ("databases", DATABASE, "db:one", {}, "ductape.providers.databases.mysql.database"),
    "s3": (
        "storage",
        STORAGE,
        "files",
        {"operation": "list"},
        "ductape.providers.storage.buckets",
    ),
}


@pytest.mark.parametrize("extra", CASES)
async def test_a_recorded_error_has_the_line_that_installs_it(
    extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section, definition, event, given, module = CASES[extra]
    monkeypatch.setitem(sys.modules, module, None)
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db") as ductape:
        await ductape.products.apply({"tag": "shop", "envs": [ENV], section: [definition]})
        names = {"product_tag": "shop", "env": "dev", "event": event}
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule({**names, "input": given, "start_at": 0})
    assert caught.value.error["code"] == "CONFIG_ERROR"
    assert f"pip install 'ductape-jobs[{extra}]'" in str(caught.value.error["message"])
