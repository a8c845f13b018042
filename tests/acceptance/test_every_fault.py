"""A refused request tells everything that is wrong with it: its form, its event and its input."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape import Ductape, Handlers, NotFound, ReferenceMissing, ValidationError
from ductape.errors import SessionInvalid

PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "apps": [
        {
            "tag": "partner",
            "base_url": "https://partner.example",
            "actions": [
                {
                    "tag": "find",
                    "method": "GET",
                    "resource": "/orders/:id",
                    "request": {"query": {"limit": {"type": "INTEGER"}}},
                }
            ],
        }
    ],
}
FIND = {"product_tag": "shop", "env": "dev", "event": "find", "start_at": 0}
BAD_INPUT = {"query": {"limit": "ten"}, "headers": {"X-A": "$Secret{a}", "X-B": "$Session{b}"}}
INPUT_PATHS = ["input.headers.X-A", "input.headers.X-B", "input.params.id", "input.query.limit"]


@pytest.fixture
async def ductape(tmp_path: Path) -> AsyncIterator[Ductape]:
    registry = Handlers()

    @registry.job("note")
    async def note(_: dict[str, object]) -> None:
        return None

    store = f"sqlite:///{tmp_path}/a.db"
    async with Ductape.open(store, handlers=registry, worker=False) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


def paths(error: ValidationError) -> list[str]:
    return sorted(fault["path"] for fault in error.errors)


async def refused(ductape: Ductape, request: dict[str, object]) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.job.dispatch(request)
    return raised.value


async def test_an_input_is_told_what_its_kind_and_its_references_miss(ductape: Ductape) -> None:
    error = await refused(ductape, {**FIND, "input": BAD_INPUT})

    assert paths(error) == INPUT_PATHS
    assert error.code == "VALIDATION_ERROR"
    codes = {fault["path"]: fault.get("code") for fault in error.errors}
    assert codes["input.headers.X-B"] == "REFERENCE_MISSING"
    assert codes["input.headers.X-A"] is None


async def test_a_form_that_is_wrong_does_not_hide_what_is_wrong_inside(ductape: Ductape) -> None:
    error = await refused(ductape, {**FIND, "input": BAD_INPUT, "retries": -1, "timeuot": 5})

    assert paths(error) == [*INPUT_PATHS, "retries", "timeuot"]


async def test_an_event_that_is_not_there_is_one_fault_of_several(ductape: Ductape) -> None:
    error = await refused(ductape, {**FIND, "event": "fnd", "input": {}, "priority": 101})

    told = {fault["path"]: fault for fault in error.errors}
    assert sorted(told) == ["event", "priority"]
    assert told["event"].get("code") == "NOT_FOUND"
    assert "`find`" in told["event"]["message"]


async def test_a_token_that_is_none_is_one_fault_of_several(ductape: Ductape) -> None:
    asked = {**FIND, "event": "note", "input": {}, "session": {"tag": "user", "token": "x"}}
    error = await refused(ductape, {**asked, "retries": 1.5})
    assert "retries" in paths(error)
    assert len(error.errors) == 2

    with pytest.raises((SessionInvalid, NotFound)):
        await ductape.processor.job.dispatch(asked)


async def test_a_session_of_a_wrong_form_is_not_told_as_a_missing_one(ductape: Ductape) -> None:
    given = {"a": "$Session{b}"}
    error = await refused(
        ductape, {**FIND, "event": "note", "input": given, "session": {"tag": 5, "token": "x"}}
    )

    assert paths(error) == ["session.tag"]


async def test_a_missing_reference_alone_keeps_its_name(ductape: Ductape) -> None:
    with pytest.raises(ReferenceMissing) as raised:
        await ductape.processor.job.dispatch(
            {**FIND, "event": "note", "input": {"a": "$Session{b}"}}
        )

    assert raised.value.code == "REFERENCE_MISSING"


async def test_a_batch_tells_the_faults_of_all_its_requests(ductape: Ductape) -> None:
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.job.dispatch_many(
            [
                {**FIND, "event": "note", "input": {}},
                {**FIND, "input": {}},
                {**FIND, "event": "note", "input": {"a": "$Session{b}"}},
                {**FIND, "event": "note", "input": {}, "retries": -1},
            ]
        )

    assert paths(raised.value) == [
        "[1].input.params.id",
        "[1].input.query.limit",
        "[2].input.a",
        "[3].retries",
    ]
    assert await ductape.jobs.list() == []


async def test_what_runs_at_once_is_told_all_as_well(ductape: Ductape) -> None:
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.action.run({**FIND, "start_at": 5, "input": {}, "retries": -1})

    assert paths(raised.value) == ["input.params.id", "input.query.limit", "retries", "start_at"]


async def test_nothing_at_all_runs_at_once(ductape: Ductape) -> None:
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.action.run([])  # pyright: ignore[reportArgumentType] (callers do)

    assert raised.value.errors[0]["expected"] == "an object"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"env": "prod", "event": "fnd"}, ["env", "event"]),
        ({"event": "fnd", "input": {"a": "$Secret{x}", "b": "$Add("}}, ["event", *"ab"]),
        ({"event": "fnd", "input": {"a": "$Session{user}{id}"}}, ["event", "a"]),
        ({"event": "fnd", "session": {"tag": "user", "token": "x"}}, ["event", "session.token"]),
        (
            {"session": {"tag": "user", "token": "x"}, "input": {"query": {"limit": "$Secret{x}"}}},
            ["input.params.id", "input.query.limit", "session.token"],
        ),
        ({"session": {"tag": "no", "token": "x"}, "event": "fnd"}, ["event", "session.tag"]),
        ({"retries": -1, "env": "prod", "event": "fnd"}, ["env", "event", "retries"]),
        (
            {"env": "prod", "event": "fnd", "session": {"tag": "no", "token": "x"}},
            ["env", "event", "session.tag"],
        ),
        (
            {"env": 5, "event": "fnd", "session": {"tag": "no", "token": "x"}},
            ["env", "event", "session.tag"],
        ),
        # Whether an env that is there would take the token tells nothing of the one that is meant.
        (
            {"env": "prod", "event": "fnd", "session": {"tag": "user", "token": "x"}},
            ["env", "event"],
        ),
    ],
)
async def test_one_wrong_name_hides_no_other(
    ductape: Ductape, changes: dict[str, object], expected: list[str]
) -> None:
    sessions = [{"tag": "user", "schema": {"id": 1}, "expiry": 60_000}]
    await ductape.products.apply({**PRODUCT, "sessions": sessions})
    error = await refused(ductape, {**FIND, "input": {}, **changes})
    assert paths(error) == sorted(f"input.{at}" if at in "ab" else at for at in expected)
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.job.dispatch_many([{**FIND, "input": {}, **changes}, 5])
    places = {fault["path"] for fault in raised.value.errors}
    assert {f"[0].{path}" for path in paths(error)} | {"[1]"} == places


@pytest.mark.parametrize("batch", [None, 5, {}, iter([FIND]), "jobs"])
async def test_a_batch_is_a_list(ductape: Ductape, batch: object) -> None:
    with pytest.raises(ValidationError, match="a list of requests"):
        await ductape.processor.job.dispatch_many(batch)  # pyright: ignore[reportArgumentType]


async def test_a_session_is_refused_at_its_own_path(ductape: Ductape) -> None:
    sessions = [{"tag": "user", "schema": {"id": 1}, "expiry": 60_000}]
    await ductape.products.apply({**PRODUCT, "sessions": sessions})
    given = {"query": {"limit": 1}, "params": {"id": "1"}}
    request = {**FIND, "input": given, "session": {"tag": "user", "token": "x"}}
    with pytest.raises(SessionInvalid) as raised:
        await ductape.processor.job.dispatch(request)
    assert raised.value.path == "session.token"
    where = {"product": "shop", "env": "dev", "tag": "no", "data": {}}
    with pytest.raises(NotFound) as missing:
        await ductape.processor.sessions.start(where)
    assert missing.value.path == "tag"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"env": 5, "event": "nope", "input": {"a": "$Secret{x}"}},
            ["env", "event", "input.a"],
        ),
        ({"env": "dve", "event": 5, "input": {"a": "$Secret{x}"}}, ["env", "event", "input.a"]),
        ({"env": "dve", "event": "nope", "input": []}, ["env", "event", "input"]),
        ({"env": None, "input": {"query": {"limit": "x"}}}, ["env", *INPUT_PATHS[2:]]),
        ({"input": 5}, ["input"]),
    ],
)
async def test_what_has_no_form_hides_none_of_the_others(
    ductape: Ductape, wrong: dict[str, object], told: list[str]
) -> None:
    assert paths(await refused(ductape, {**FIND, **wrong})) == told


USER = {"tag": "user", "token": "x"}
WRONG_ANYWHERE = {
    "input": {"a": "$Secret{x}", "b": "$Add(", "c": "$Session{u}", "d": "$Auth{x}{y}"}
}
"""What of it is wrong wherever it is taken: two are not, if there is a session."""


@pytest.mark.parametrize("product", ["shp", 5])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (WRONG_ANYWHERE, ["input.a", "input.b", "input.c"]),
        ({**WRONG_ANYWHERE, "session": USER}, ["input.a", "input.b"]),
        ({**WRONG_ANYWHERE, "retries": -1}, ["input.a", "input.b", "input.c", "retries"]),
        ({"input": {"c": "$Default($Session{u}, 1)"}, "retries": -1}, ["retries"]),
        ({"input": {"b": "$Uppercase(abc)"}}, ["input.b"]),
        ({"input": [], "session": {"tag": 5, "token": "x"}}, ["input", "session.tag"]),
        ({"env": 5, "input": {}, "event": ""}, ["env", "event"]),
    ],
)
async def test_a_product_that_is_not_there_hides_nothing_that_can_be_known_without_it(
    ductape: Ductape, product: object, changes: dict[str, object], told: list[str]
) -> None:
    request = {**FIND, "product_tag": product, **changes}
    error = await refused(ductape, request)
    assert paths(error) == sorted([*told, "product_tag"])
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.action.run({**request, "priority": "high"})
    assert paths(raised.value) == sorted([*told, "priority", "product_tag", "start_at"])
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.job.dispatch_many([request, request])
    assert {path.partition(".")[2] for path in paths(raised.value)} == {*told, "product_tag"}


async def test_an_unknown_product_alone_keeps_its_name(ductape: Ductape) -> None:
    request = {**FIND, "product_tag": "shp", "session": USER, "input": {"a": "$Session{u}"}}
    with pytest.raises(NotFound) as raised:
        await ductape.processor.job.dispatch(request)
    assert raised.value.path == "product_tag"
