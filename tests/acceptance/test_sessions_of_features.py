"""What the steps of a feature take of a session is asked for when it is scheduled (SPEC 6)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ductape import Ductape, FeatureContext, Handlers, ReferenceMissing, ValidationError

Part = dict[str, object]
USER = {
    "tag": "user",
    "schema": {"id": 1, "name": "Ada"},
    "selector": "$Session{id}",
    "expiry": 1,
    "period": "hours",
}
REQUEST: Part = {"product_tag": "shop", "env": "dev", "event": "order", "start_at": 0, "input": {}}


def feature(tag: str, *steps: Part, **parts: object) -> Part:
    return {"tag": tag, "sequence": [{"tag": "main", "events": list(steps)}], **parts}


def note(text: object, **parts: object) -> Part:
    return {"event": "note", "type": "job", "input": {"text": text}, **parts}


def product(*features: Part, **parts: object) -> Part:
    return {
        "tag": "shop",
        "envs": [{"slug": "dev"}],
        "sessions": [USER],
        "features": list(features),
        **parts,
    }


@pytest.fixture
async def ductape(tmp_path: Path) -> AsyncIterator[Ductape]:
    handlers = Handlers()

    @handlers.job("note")
    async def noted(given: dict[str, object]) -> object:
        return given["text"]

    @handlers.feature("free")
    async def free(_: dict[str, object], ctx: FeatureContext) -> object:
        return await ctx.event("ask", {})

    async with Ductape.open(f"sqlite:///{tmp_path}/a.db", config={}, handlers=handlers) as opened:
        yield opened


async def refused(ductape: Ductape, **parts: object) -> ValidationError:
    with pytest.raises(ValidationError) as raised:
        await ductape.processor.job.dispatch({**REQUEST, **parts})
    return raised.value


async def session(ductape: Ductape, data: Part) -> Part:
    about = {"product": "shop", "env": "dev", "tag": "user", "data": data}
    made = await ductape.processor.sessions.start(about)
    return {"tag": "user", "token": made["token"]}


async def test_a_step_that_needs_a_session_is_not_begun_without_one(ductape: Ductape) -> None:
    await ductape.products.apply(product(feature("order", note("$Session{user}{name}"))))

    error = await refused(ductape)
    assert isinstance(error, ReferenceMissing)
    assert error.path == "session"
    told = (
        "a session with a value for `$Session{user}{name}`, as step `main.note` of `order` uses it"
    )
    assert told in error.message
    assert await ductape.jobs.list() == []

    known = await session(ductape, {"id": 7, "name": "Ada"})
    done = await ductape.processor.job.schedule({**REQUEST, "session": known}, timeout=20)
    assert done == {"main": {"note": "Ada"}}


async def test_data_that_the_session_has_not_got_is_told_too(ductape: Ductape) -> None:
    await ductape.products.apply(product(feature("order", note("$Session{user}{age}"))))
    error = await refused(ductape, session=await session(ductape, {"id": 7, "name": "Ada"}))
    assert (error.path, error.code) == ("session", "REFERENCE_MISSING")
    assert "found one without" in error.message


async def test_children_rollbacks_and_the_output_are_looked_at(ductape: Ductape) -> None:
    undo = {"event": "note", "type": "job", "input": {"text": "$Session{user}{b}"}}
    child = feature("kid", note("$Session{user}{a}"))
    await ductape.products.apply(
        product(
            feature(
                "order",
                {"event": "kid", "type": "child", "input": {}},
                note("x", tag="last", rollback=undo),
                output={"c": "$Session{user}{c}"},
            ),
            child,
        )
    )
    told = (await refused(ductape)).message
    assert "`$Session{user}{a}`, as step `main.note` of `kid`" in told
    assert "`$Session{user}{b}`, as the rollback of step `main.last` of `order`" in told
    assert "`$Session{user}{c}`, as the output of `order`" in told


async def test_what_can_do_without_asks_for_nothing(ductape: Ductape) -> None:
    await ductape.products.apply(
        product(
            feature(
                "order",
                note("$Default($Session{user}{name}, 'nobody')"),
                note("$Session{user}{name}", tag="may", allow_fail=True),
                note({"$literal": "$Session{user}{name}"}, tag="plain"),
            )
        )
    )
    done = await ductape.processor.job.schedule(REQUEST, timeout=20)
    assert done["main"]["note"] == "nobody"
    assert done["main"]["plain"] == "$Session{user}{name}"


async def test_every_other_fault_is_told_beside_it(ductape: Ductape) -> None:
    await ductape.products.apply(
        product(
            feature(
                "order",
                note("$Session{user}{name}"),
                input={"amount": {"type": "INTEGER", "required": True}},
            )
        )
    )
    error = await refused(ductape, input={"amount": "many"})
    assert {(one["path"], one.get("code")) for one in error.errors} == {
        ("input.amount", None),
        ("session", "REFERENCE_MISSING"),
    }


async def test_a_job_that_points_at_the_feature_asks_for_it_too(ductape: Ductape) -> None:
    pointing = {"tag": "later", "event_type": "feature", "event_tag": "order"}
    of_a_user = feature("order", note("$Session{user}{name}"))
    await ductape.products.apply(product(of_a_user, jobs=[pointing]))
    assert (await refused(ductape, event="later")).path == "session"


async def test_a_declared_schedule_of_such_a_feature_is_refused(ductape: Ductape) -> None:
    at_noon = {"tag": "noon", "event": "order", "repeat": {"cron": "0 12 * * *"}, "input": {}}
    of_a_user = feature("order", note("$Session{user}{name}"))
    with pytest.raises(ValidationError, match=r"\$Session\{user\}\{name\}"):
        await ductape.products.apply(product(of_a_user, schedules=[at_noon]))


OTHERS = [{"id": 7, "name": "Ada"}, {"id": 8, "name": "Bob"}]
BY_NAME: Part = {"type": "job", "event": "note", "input": {"text": "$Session{user}{name}"}}
BY_INPUT: Part = {"type": "job", "event": "note", "input": {"text": "$Input{text}"}}


@pytest.mark.parametrize(
    ("event", "parts"),
    [
        ("order", {"features": [feature("order", note("$Session{user}{name}"))]}),
        ("ask", {"fallbacks": [{"tag": "ask", "options": [BY_NAME]}]}),
        ("pick", {"quotas": [{"tag": "pick", "options": [BY_NAME]}]}),
        (
            "outer",
            {
                "fallbacks": [{"tag": "ask", "options": [BY_NAME]}],
                "jobs": [{"tag": "outer", "event_type": "fallback", "event_tag": "ask"}],
            },
        ),
        ("free", {"fallbacks": [{"tag": "ask", "options": [BY_NAME]}]}),
        (
            "step",
            {
                "fallbacks": [{"tag": "ask", "options": [BY_NAME]}],
                "features": [feature("step", {"event": "ask", "input": {}, "cache": "c"})],
            },
        ),
    ],
)
async def test_what_one_user_was_answered_answers_no_other(
    ductape: Ductape, event: str, parts: Part
) -> None:
    """A cache would have handed Ada's answer to Bob, whose input is the same."""
    await ductape.products.apply(product(**parts))
    cache = {} if event == "step" else {"cache": "c"}
    answers: list[str] = []
    for data in (*OTHERS, OTHERS[0]):
        known = await session(ductape, data)
        asked = {**REQUEST, "event": event, "session": known, **cache}
        answers.append(str(await ductape.processor.job.schedule(asked, timeout=20)))
    assert ["Ada" in answers[0], "Bob" in answers[1]] == [True, True]
    assert answers[2] == answers[0]
    if event != "step":
        counts = [job["cached"] for job in await ductape.jobs.list(event=event)]
        assert counts == [True, False, False]


async def test_what_reads_no_session_is_answered_for_all(ductape: Ductape) -> None:
    ask = {"tag": "ask", "options": [BY_INPUT]}
    await ductape.products.apply(product(feature("order", note("hello")), fallbacks=[ask]))
    for event, given in (("order", {}), ("ask", {"text": "x"})):
        for data in OTHERS:
            known = await session(ductape, data)
            asked = {**REQUEST, "event": event, "input": given, "session": known, "cache": "c"}
            await ductape.processor.job.schedule(asked, timeout=20)
        assert [job["cached"] for job in await ductape.jobs.list(event=event)] == [True, False]
