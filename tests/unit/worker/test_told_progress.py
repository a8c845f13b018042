"""What a function tells while it runs is taken as it is at that moment, or refused at once."""

import pytest

from ductape import AsyncContext, ValidationError
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry
from tests.unit.worker.conftest import Play

NAN = float("nan")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("progress.done", ("half",)),
        ("progress.done", (True,)),
        ("progress.done", (NAN,)),
        ("progress.done", (10**400,)),
        ("progress.total", (1, "all")),
        ("progress.total", (1, NAN)),
        ("progress.note", (1, 2, 3)),
    ],
)
def test_progress_that_cannot_be_shown_is_refused(
    play: Play, path: str, told: tuple[object, ...]
) -> None:
    async def act(ctx: AsyncContext) -> list[str]:
        with pytest.raises(ValidationError) as caught:
            await ctx.progress(*told)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        return [one["path"] for one in caught.value.errors]

    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(a_job())

    assert play(scenario, registry(act=act)) == [path]


def test_whole_numbers_stay_whole(play: Play) -> None:
    async def act(ctx: AsyncContext) -> None:
        await ctx.progress(2**53 + 1, 2.5)

    async def scenario(harness: Harness) -> object:
        receipt = await harness.ductape.processor.job.dispatch(a_job())
        await harness.ductape.processor.job.wait(receipt["job_id"])
        return (await harness.ductape.jobs.get(receipt["job_id"]))["progress"]

    told = play(scenario, registry(act=act))
    assert repr(told) == "{'done': 9007199254740993, 'total': 2.5, 'note': None}"


def test_half_a_character_in_a_note_is_written_out(play: Play) -> None:
    async def act(ctx: AsyncContext) -> None:
        await ctx.progress(1, 2, "caf\udce9")

    async def scenario(harness: Harness) -> object:
        receipt = await harness.ductape.processor.job.dispatch(a_job())
        await harness.ductape.processor.job.wait(receipt["job_id"])
        return (await harness.ductape.jobs.get(receipt["job_id"]))["progress"]

    assert play(scenario, registry(act=act)) == {"done": 1, "total": 2, "note": "caf\\udce9"}


def test_the_checkpoint_of_the_last_attempt_stays_as_it_was_too(play: Play) -> None:
    async def act(ctx: AsyncContext) -> object:
        if ctx.attempt == 1:
            await ctx.checkpoint(["a"])
            raise RuntimeError("before b was sent")
        sent = ctx.last_checkpoint
        assert isinstance(sent, list)
        sent.append("b")
        if ctx.attempt == 2:
            raise RuntimeError("before b was sent")
        return ctx.last_checkpoint

    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(a_job(retries=2))

    assert play(scenario, registry(act=act)) == ["a"]


def test_a_checkpoint_stays_as_it_was_given(play: Play) -> None:
    async def act(ctx: AsyncContext) -> object:
        if ctx.attempt == 1:
            sent = ["a"]
            await ctx.checkpoint(sent)
            sent.append("b")
            raise RuntimeError("before b was sent")
        return ctx.last_checkpoint

    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(a_job(retries=1))

    assert play(scenario, registry(act=act)) == ["a"]


@pytest.mark.parametrize("value", [NAN, {"at": {1: 2}}, {"a": {1, 2}}, "caf\udce9", object()])
def test_a_checkpoint_that_json_would_bend_is_refused(play: Play, value: object) -> None:
    async def act(ctx: AsyncContext) -> str:
        with pytest.raises(ValidationError) as caught:
            await ctx.checkpoint(value)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        return str(caught.value.errors[0]["path"]).partition(".")[0]

    async def scenario(harness: Harness) -> object:
        return await harness.ductape.processor.job.schedule(a_job())

    assert play(scenario, registry(act=act)) == "checkpoint"
