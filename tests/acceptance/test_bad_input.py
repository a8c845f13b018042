"""Bad input never reaches the store: each has its error, says what to do, and loses nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from ductape import Ductape, DuctapeError, Handlers, ValidationError
from ductape.errors import ConfigError, SessionInvalid, StoreError

PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}, {"slug": "prd"}],
    "sessions": [
        {"tag": "login", "schema": {"id": 1}, "selector": "$Session{id}", "expiry": 60_000}
    ],
}
JOB = {"product_tag": "shop", "env": "dev", "event": "note", "input": {}, "start_at": 0}


def nested(depth: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(depth):
        value = {"a": value}
    return value


BAD_REQUESTS = {
    "too deep": ({**JOB, "input": nested(200)}, "input"),
    "too big": ({**JOB, "input": {"a": "x" * 1_100_000}}, "input"),
    "a wrong type": ({**JOB, "retries": "3"}, "retries"),
    "not a number": ({**JOB, "input": {"a": [float("nan")]}}, "input.a[0]"),
    "a lone surrogate": ({**JOB, "input": {"a": "\ud800"}}, "input.a"),
    "an unknown zone": ({**JOB, "repeat": {"cron": "* * * * *", "tz": "Mars/Base"}}, "repeat.tz"),
    "a path as zone": (
        {**JOB, "repeat": {"cron": "* * * * *", "tz": "../../etc/passwd"}},
        "repeat.tz",
    ),
    "a secret in an input": ({**JOB, "input": {"key": "$Secret{api}"}}, "input.key"),
    "no recurrence at all": ({**JOB, "repeat": {"limit": 3}}, "repeat"),
}


@pytest.fixture
def handlers() -> Handlers:
    registry = Handlers()

    @registry.job("note")
    async def note(_: dict[str, object]) -> None:
        return None

    return registry


@pytest.fixture
async def ductape(tmp_path: Path, handlers: Handlers) -> AsyncIterator[Ductape]:
    store = f"sqlite:///{tmp_path}/a.db"
    async with Ductape.open(store, handlers=handlers, worker=False) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


@pytest.mark.parametrize("fault", BAD_REQUESTS)
async def test_a_bad_request_is_refused_at_its_path(ductape: Ductape, fault: str) -> None:
    request, path = BAD_REQUESTS[fault]
    with pytest.raises(ValidationError) as caught:
        await ductape.processor.job.dispatch(request)
    assert [each["path"] for each in caught.value.errors if each["path"].startswith(path)]
    assert await ductape.jobs.list() == []


@pytest.mark.parametrize("fault", BAD_REQUESTS)
async def test_a_bad_request_in_a_batch_refuses_the_batch(ductape: Ductape, fault: str) -> None:
    request, path = BAD_REQUESTS[fault]
    with pytest.raises(ValidationError) as caught:
        await ductape.processor.job.dispatch_many([JOB, request])
    assert str(caught.value.path).startswith(f"[1].{path}")
    assert await ductape.jobs.list() == []


@pytest.mark.parametrize("change", ["env", "product", "token"])
async def test_a_session_from_elsewhere_or_changed_is_refused(
    ductape: Ductape, change: str
) -> None:
    await ductape.products.apply({**PRODUCT, "tag": "other"})
    where = {"product": "shop", "env": "dev", "tag": "login"}
    where |= {"env": {"env": "prd"}, "product": {"product": "other"}}.get(change, {})
    pair = await ductape.processor.sessions.start({**where, "data": {"id": 7}})
    token = pair["token"]
    if change == "token":
        at = len(token) // 2
        token = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    with pytest.raises(SessionInvalid) as caught:
        await ductape.processor.job.dispatch({**JOB, "session": {"tag": "login", "token": token}})
    assert token not in str(caught.value)
    assert await ductape.jobs.list() == []


async def test_a_yaml_bomb_is_refused_before_it_grows(ductape: Ductape, tmp_path: Path) -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9)]
    bomb = tmp_path / "bomb.yaml"
    bomb.write_text("\n".join(["l0: &l0 [x]", *levels]))
    with pytest.raises(ValidationError, match=r"anchor|alias"):
        await ductape.products.apply(bomb)
    assert [each["tag"] for each in await ductape.products.list()] == ["shop"]


async def test_two_equal_tags_are_refused_and_the_applied_version_stays(ductape: Ductape) -> None:
    twice = [{"tag": "note", "handler": "python"}] * 2
    with pytest.raises(ValidationError, match="note"):
        await ductape.products.apply({**PRODUCT, "jobs": twice})
    assert (await ductape.products.get("shop"))["version"] == 1


async def opening(store: Path, **settings: object) -> DuctapeError:
    with pytest.raises(DuctapeError) as caught:
        async with Ductape.open(f"sqlite:///{store}", config=settings, worker=False):
            pass
    assert caught.value.hint
    return caught.value


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear Ada, " * 200)
    assert isinstance(await opening(path), StoreError)
    assert path.read_text() == "Dear Ada, " * 200


async def test_a_database_from_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with Ductape.open(f"sqlite:///{path}", worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
    newer = apsw.Connection(str(path))
    newer.execute("PRAGMA user_version = 9999").fetchall()
    newer.close()
    error = await opening(path)
    assert isinstance(error, StoreError)
    assert "upgrade" in str(error.hint)


async def test_a_wrong_key_is_refused_before_anything_is_sealed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with Ductape.open(f"sqlite:///{path}", worker=False) as ductape:
        await ductape.products.apply(PRODUCT)
        await ductape.secrets.set("api", "s3cret", product="shop")
    (tmp_path / "a.db.key").rename(tmp_path / "kept.key")
    assert isinstance(await opening(path), ConfigError)
    (tmp_path / "kept.key").rename(tmp_path / "a.db.key")
    async with Ductape.open(f"sqlite:///{path}", worker=False) as ductape:
        assert await ductape.core.secrets.reveal("shop", "dev", "api") == "s3cret"


async def test_a_folder_that_cannot_be_written_is_told() -> None:
    assert isinstance(await opening(Path("/proc/a.db")), StoreError)


async def test_a_full_disk_loses_nothing_and_is_told(ductape: Ductape) -> None:
    kept = await ductape.processor.job.dispatch(JOB)

    def fill(connection: object) -> None:
        pages = connection.execute("PRAGMA page_count").get  # type: ignore[attr-defined]
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()  # type: ignore[attr-defined]

    await ductape.core.store._engine.write(fill)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(StoreError, match="full"):
        await ductape.processor.job.dispatch({**JOB, "input": {"a": "x" * 500_000}})
    assert [job["id"] for job in await ductape.jobs.list()] == [kept["job_id"]]
