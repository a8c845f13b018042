"""Applying schedules: what is refused, what a dry run tells, what a crash or a race leaves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from ductape import Ductape, Handlers, ValidationError
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.product import parse_product
from ductape.stores.sqlite.file.engine import Engine
from tests.acceptance.test_schedules import (
    DAY,
    NIGHTLY,
    SetClock,
    jobs_of,
    only,
    product,
    the_job,
)


@pytest.mark.parametrize(
    ("changes", "paths"),
    [
        ({"repeat": {"cron": "61 * * * *"}}, ["schedules[0].repeat.cron"]),
        ({"repeat": {"every": 5}}, ["schedules[0].repeat.every"]),
        ({"repeat": {"cron": "0 3 * * *", "tz": "Mars"}}, ["schedules[0].repeat.tz"]),
        ({"repeat": {"limit": 2}}, ["schedules[0].repeat"]),
        ({"repeat": None}, ["schedules[0].repeat"]),
        ({"repeat": {"evry": 500, "every": 500}}, ["schedules[0].repeat.evry"]),
        (
            {"repeat": {"every": DAY, "endDate": "2001-01-01"}},
            ["schedules[0].repeat.endDate"],
        ),
        ({"retries": -1, "priority": 101}, ["schedules[0].retries", "schedules[0].priority"]),
        ({"timeout": "soon"}, ["schedules[0].timeout"]),
        ({"start_at": "soon"}, ["schedules[0].start_at"]),
        ({"input": []}, ["schedules[0].input"]),
        ({"metadata": {"team": 1}}, ["schedules[0].metadata.team"]),
        ({"metadata": {"schedule": "x"}}, ["schedules[0].metadata.schedule"]),
        ({"concurrency_limit": 2}, ["schedules[0].concurrency_key"]),
        ({"session": {"tag": "t", "token": "x"}}, ["schedules[0].session"]),
        ({"key": "mine"}, ["schedules[0].key"]),
        ({"onLoss": "fail"}, ["schedules[0].onLoss"]),
        ({"event": "nothing"}, ["schedules[0].event"]),
        ({"app": "nobody"}, ["schedules[0].app"]),
        ({"input": {"to": "$Secret{key}"}}, ["schedules[0].input.to"]),
        (
            {"repeat": {"every": 5}, "event": "nothing"},
            ["schedules[0].repeat.every", "schedules[0].event"],
        ),
        (
            {"retries": -1, "input": {"to": "$Secret{key}"}},
            ["schedules[0].retries", "schedules[0].input.to"],
        ),
        ({"input": {"to": "$Session{user}{id}"}}, ["schedules[0].input.to"]),
        (
            {"envs": [{"slug": "dev", "repeat": {"cron": "x"}}, {"slug": "tst"}]},
            ["schedules[0].envs[1].slug", "schedules[0].envs[0].repeat.cron"],
        ),
        ({"envs": [{"slug": "dev", "input": 3}]}, ["schedules[0].envs[0].input"]),
    ],
)
async def test_every_fault_is_told_at_its_path_and_nothing_stored(
    tmp_path: object, changes: JsonObject, paths: list[str]
) -> None:
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError) as caught:
            await ductape.products.apply(product({**NIGHTLY, **changes}))
        assert await ductape.products.list() == []
        assert list(await ductape.jobs.list()) == []
    assert [one["path"] for one in caught.value.errors] == paths


async def test_what_several_of_them_and_a_step_are_refused_for_is_told_at_once(
    tmp_path: object,
) -> None:
    odd: JsonObject = {"type": "function", "event": "add", "input": {"x": 1}}
    feature: JsonObject = {"tag": "f", "sequence": [{"tag": "main", "events": [odd]}]}
    document = product(
        {**NIGHTLY, "repeat": {"every": 5}},
        {**NIGHTLY, "tag": "other", "event": "nothing"},
        functions=[{"tag": "add", "handler": "python"}],
        features=[feature],
    )
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError) as caught:
            await ductape.products.apply(document)
    assert {one["path"] for one in caught.value.errors} == {
        "schedules[0].repeat.every",
        "schedules[1].event",
        "features[0].sequence[0].events[0].input.x",
    }


async def test_what_is_declared_is_compared_in_a_look_however_much_it_is(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    look = Engine.read

    async def counted(self: Engine, step: Callable[..., object]) -> object:
        looks[-1] += 1
        return await look(self, step)

    monkeypatch.setattr(Engine, "read", counted)
    for number in (1, 20):
        several = [{**NIGHTLY, "tag": f"nightly-{at}"} for at in range(number)]
        looks.append(0)
        async with Ductape.open(f"sqlite:///{tmp_path}/{number}.db", worker=False) as ductape:
            await ductape.products.apply(product(*several))
            looks[-1] = 0
            again = await ductape.products.apply(product(*several))
        assert (again["changed"], again["schedules"]) == (False, [])
    assert looks[0] == looks[1] > 0


async def test_an_input_is_judged_as_a_requests_is(tmp_path: object) -> None:
    app: JsonObject = {
        "tag": "mailer",
        "base_url": "https://mail.example",
        "actions": [
            {
                "tag": "send",
                "method": "POST",
                "resource": "/send",
                "request": {"body": {"to": {"type": "STRING", "required": True}}},
            }
        ],
    }
    schedule = {**only(input={"body": {"too": 1}}), "event": "send"}
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        with pytest.raises(ValidationError) as caught:
            await ductape.products.apply(product(schedule, apps=[app]))
        assert {one["path"] for one in caught.value.errors} == {
            "schedules[0].envs[0].input.body.to"
        }
        good = {**only(input={"body": {"to": "a"}}), "event": "send", "app": "mailer"}
        await ductape.products.apply(product(good, apps=[app]))
        assert (await the_job(ductape))["kind"] == "action"


async def test_what_a_receipt_would_warn_of_is_told(tmp_path: object) -> None:
    doubtful: JsonObject = {**NIGHTLY, "repeat": {"cron": "0 0 30 2 *", "every": DAY}}
    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", worker=False) as ductape:
        (warning,) = (await ductape.products.apply(product(doubtful)))["warnings"]
        assert {job["every"] for job in (await jobs_of(ductape)).values()} == {DAY}
    assert warning.startswith("schedules[0]: repeat.cron: ")


async def test_a_handler_that_is_known_needs_no_declaration(tmp_path: object) -> None:
    handlers = Handlers()

    @handlers.function("sweep")
    async def sweep() -> None:
        return None

    url = f"sqlite:///{tmp_path}/a.db"
    async with Ductape.open(url, handlers=handlers, worker=False) as ductape:
        await ductape.products.apply(product({**only(), "event": "sweep", "input": {}}))
        assert (await the_job(ductape))["kind"] == "function"


async def test_a_dry_run_tells_what_would_be_done_and_does_nothing(store: str) -> None:
    rare: JsonObject = {**only(), "tag": "rare"}
    gone: JsonObject = {**only(), "tag": "gone"}
    after = product({**only(), "retries": 2}, rare, {**only(), "tag": "new"})
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(only(), rare, gone))
        before = [*await ductape.jobs.list()]
        told = await ductape.products.apply(after, dry_run=True)
        assert [*await ductape.jobs.list()] == before
        assert (await ductape.products.get("shop"))["version"] == 1
        done = await ductape.products.apply(after)
    ops = [(one["op"], one["tag"]) for one in told["schedules"]]
    assert ops == [("changed", "nightly"), ("created", "new"), ("ended", "gone")]
    assert [(one["op"], one["tag"]) for one in done["schedules"]] == ops
    paths = [(one["op"], one["path"]) for one in told["diff"]]
    assert ("added", "schedules[new]") in paths
    assert ("removed", "schedules[gone]") in paths


async def test_a_dry_run_of_something_wrong_is_refused_too(store: str) -> None:
    wrong = product({**NIGHTLY, "repeat": {"every": DAY, "endDate": 1}})
    async with Ductape.open(store, worker=False) as ductape:
        with pytest.raises(ValidationError) as caught:
            await ductape.products.apply(wrong, dry_run=True)
    assert caught.value.path == "schedules[0].repeat.endDate"


class Died(Exception):
    """Stands for the death of a process: raised where it would have gone on."""


def dies(ductape: Ductape, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the next apply die between its two commits: the version is stored, the jobs are not."""

    async def die(*_: object) -> None:
        raise Died

    monkeypatch.setattr(ductape.products._declared, "keep", die)


async def crash(store: str, document: JsonObject, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        with monkeypatch.context() as patched:
            dies(ductape, patched)
            with pytest.raises(Died):
                await ductape.products.apply(document)


async def test_what_a_crash_left_undone_the_next_apply_does(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crash(store, product(only()), monkeypatch)
    async with Ductape.open(store, worker=False) as ductape:
        assert await jobs_of(ductape) == {}
        applied = await ductape.products.apply(product(only()))
        assert (applied["changed"], [one["op"] for one in applied["schedules"]]) == (
            False,
            ["created"],
        )
        job = await the_job(ductape)
    await crash(store, product({**only(), "retries": 2}), monkeypatch)
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product({**only(), "retries": 2}))
        changed = await the_job(ductape)
    assert (changed["id"], changed["retries"]) == (job["id"], 2)


async def test_what_a_crash_left_alive_is_ended_before_another_version_follows(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(only()))
    await crash(store, product(), monkeypatch)
    async with Ductape.open(store, worker=False) as ductape:
        assert (await the_job(ductape))["status"] == "scheduled"
        await ductape.products.apply(product(name="Shop"))
        assert (await the_job(ductape))["status"] == "cancelled"


async def test_what_was_out_while_someone_crashed_comes_back(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(only()))
        await ductape.products.apply(product())
    await crash(store, product(only()), monkeypatch)
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(only(), name="Shop"))
        assert (await the_job(ductape))["status"] == "scheduled"


async def together(store: str, doing: Callable[[Ductape, int], Awaitable[object]]) -> None:
    async with (
        Ductape.open(store, worker=False) as here,
        Ductape.open(store, worker=False) as there,
    ):
        await asyncio.gather(*(doing(one, at) for at, one in enumerate((here, there) * 4)))


async def test_many_that_apply_the_same_at_once_leave_one_job_each(store: str) -> None:
    async def apply(ductape: Ductape, _: int) -> None:
        await ductape.products.apply(product(NIGHTLY))

    await together(store, apply)
    async with Ductape.open(store, worker=False) as ductape:
        found = await ductape.jobs.list(metadata={"schedule": "nightly"})
        assert sorted(job["env"] for job in found) == ["dev", "prd"]
        assert (await ductape.products.get("shop"))["version"] == 1


async def test_many_that_apply_other_things_at_once_leave_what_the_last_version_says(
    store: str,
) -> None:
    documents = [product(), product({**only(), "retries": 2}), product(only())]

    async def apply(ductape: Ductape, at: int) -> None:
        await ductape.products.apply(documents[at % 3])

    await together(store, apply)
    async with Ductape.open(store, worker=False) as ductape:
        current = (await ductape.products.get("shop"))["document"]
        declared = cast("list[JsonValue]", current["schedules"])
        found = await jobs_of(ductape)
        live = {job["retries"] for job in found.values() if job["status"] != "cancelled"}
    wanted = {cast("JsonObject", one).get("retries", 0) for one in declared}
    assert live == wanted


async def laggard(ductape: Ductape, document: JsonObject, version: int) -> None:
    """Do the jobs' part of an apply whose version others have passed by meanwhile."""
    await ductape.products._declared.keep(parse_product(document), version)


async def test_who_is_late_ends_what_others_took_out_meanwhile(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(only()))
        await ductape.products.apply(product({**only(), "retries": 1}))
        await ductape.products.apply(product())
        await ductape.products.apply(product(name="Shop"))
        await laggard(ductape, product({**only(), "retries": 1}), 2)
        assert (await the_job(ductape))["status"] == "cancelled"


async def test_who_is_late_changes_nothing_back(store: str) -> None:
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(only()))
        await ductape.products.apply(product({**only(), "retries": 1}))
        job = await the_job(ductape)
        await laggard(ductape, product(only()), 1)
        assert await the_job(ductape) == job


async def test_a_schedule_that_is_over_hinders_no_other_change(tmp_path: object) -> None:
    clock = SetClock()
    ends = {"every": 1_000, "endDate": clock.at_ms + 5_000}
    over: JsonObject = {**only(), "repeat": cast("JsonObject", ends)}
    url = f"sqlite:///{tmp_path}/a.db"
    async with Ductape.open(url, worker=False, clock=clock) as ductape:
        await ductape.products.apply(product(over))
        await ductape.jobs.cancel((await the_job(ductape))["id"])
        clock.at_ms += 3_600_000
        await ductape.products.apply(product(over))
        applied = await ductape.products.apply(product(over, {**only(), "tag": "rare"}))
        assert [(one["op"], one["tag"]) for one in applied["schedules"]] == [("created", "rare")]
        with pytest.raises(ValidationError) as caught:
            await ductape.products.apply(product({**over, "retries": 1}))
    assert caught.value.path == "schedules[0].repeat.endDate"


async def test_changing_what_an_event_is_changes_its_schedules_too(store: str) -> None:
    functions: list[JsonValue] = [{"tag": "report", "handler": "python"}]
    plain: JsonObject = {**only(), "input": {}}
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply(product(plain))
        first = await the_job(ductape)
        applied = await ductape.products.apply(product(plain, jobs=[], functions=functions))
        job = await the_job(ductape)
    assert [one["op"] for one in applied["schedules"]] == ["changed"]
    assert (first["kind"], job["kind"], job["id"]) == ("job", "function", first["id"])
    assert job["next_run_at"] == first["next_run_at"]
