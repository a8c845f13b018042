"""What a request under a key means once its recurrence is over (SPEC 1, identity)."""

import pytest

from ductape import ValidationError
from ductape.domain.wire import Receipt
from ductape.handlers.python import AsyncContext
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, until_status
from tests.unit.worker.conftest import Play


async def act(ctx: AsyncContext) -> int:
    return ctx.run


def ends_at(end_ms: int, **more: object) -> dict[str, object]:
    repeat = {"every": 1_000, "endDate": end_ms}
    return a_job("act", key="beat", start_at=0, repeat=repeat, **more)


@pytest.mark.parametrize("together", [1, 3])
def test_an_equal_request_after_the_end_is_the_job_that_was(play: Play, together: int) -> None:
    """A service that schedules its job at every start goes on starting."""

    async def scenario(harness: Harness) -> tuple[list[Receipt], Receipt]:
        jobs = harness.ductape.processor.job
        asked = ends_at(harness.clock.now_ms() + 2_500)
        first = await jobs.dispatch(asked)
        await until_status(harness, first["job_id"], "completed")
        await harness.sleep(60_000)
        others = [a_job("act") for _ in range(together - 1)]
        return await jobs.dispatch_many([asked, *others]), first

    again, first = play(scenario, registry(act=act))
    assert len(again) == together
    assert (again[0]["job_id"], again[0]["status"]) == (first["job_id"], "completed")


def test_another_request_is_refused_once_its_end_is_past(play: Play) -> None:
    async def scenario(harness: Harness) -> list[str]:
        jobs = harness.ductape.processor.job
        end_ms = harness.clock.now_ms() + 2_500
        first = await jobs.dispatch(ends_at(end_ms))
        await until_status(harness, first["job_id"], "completed")
        await harness.sleep(60_000)
        found: list[str] = []
        for asked in (ends_at(end_ms, retries=1), {**ends_at(end_ms), "key": "new"}):
            with pytest.raises(ValidationError) as refused:
                await jobs.dispatch(asked)
            found += [str(fault["path"]) for fault in refused.value.errors]
            assert "an instant at or after the first run, which is 20" in refused.value.message
        with pytest.raises(ValidationError) as whole:
            await jobs.dispatch_many([a_job("act"), {**ends_at(end_ms), "key": "n", "event": "?"}])
        return [*found, *sorted(fault["path"] for fault in whole.value.errors)]

    assert play(scenario, registry(act=act)) == [
        "repeat.endDate",
        "repeat.endDate",
        "[1].event",
        "[1].repeat.endDate",
    ]
