from dataclasses import dataclass
from typing import Any

import pytest

from ductape import JobFailed, SessionInvalid
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry, sleeper, until_status, view_of
from tests.unit.worker.conftest import Play

WHERE = {"product": "shop", "env": "dev", "tag": "user"}
PET = "a-secret-pet-name"


@dataclass
class _Wanted:
    pet: int


async def echo(input: dict[str, Any]) -> object:  # noqa: A002 (a handler's own name)
    return input


async def _token(harness: Harness) -> str:
    data = {"id": "u1", "pet": PET}
    pair = await harness.ductape.processor.sessions.start({**WHERE, "data": data})
    return pair["token"]


def _with(token: str, **parts: object) -> dict[str, object]:
    return a_job("echo", session={"tag": "user", "token": token}, **parts)


async def _revoke(harness: Harness, token: str) -> None:
    await harness.ductape.processor.sessions.revoke({**WHERE, "token": token})


def test_a_handler_gets_what_the_session_holds(play: Play) -> None:
    async def scenario(harness: Harness) -> object:
        given = {"who": "$Session{user}{id}", "both": "$Session{id} has $Session{pet}"}
        return await harness.ductape.processor.job.schedule(
            _with(await _token(harness), input=given)
        )

    assert play(scenario, registry(echo=echo)) == {"who": "u1", "both": f"u1 has {PET}"}


def test_a_recurrence_outlives_its_session_s_expiry(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = _with(await _token(harness), repeat={"every": 2_000_000, "limit": 3})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(2 * 2_000_000 + 1_000)
        view = await view_of(harness, receipt["job_id"])
        assert (view["status"], view["failed_count"]) == ("completed", 0)

    play(scenario, registry(echo=echo))


def test_a_revoked_session_fails_a_one_off_job(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        token = await _token(harness)
        later = harness.clock.now_ms() + 60_000
        receipt = await harness.ductape.processor.job.dispatch(
            _with(token, start_at=later, retries=3)
        )
        await _revoke(harness, token)
        with pytest.raises(JobFailed) as failed:
            await harness.ductape.processor.job.wait(receipt["job_id"])
        assert failed.value.error["code"] == "SESSION_INVALID"
        assert len(failed.value.attempts) == 1

    play(scenario, registry(echo=echo))


def test_a_revoked_session_pauses_a_recurrence(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        token = await _token(harness)
        job = _with(token, repeat={"every": 60_000})
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(1_000)
        await _revoke(harness, token)
        view = await until_status(harness, receipt["job_id"], "paused")
        assert view["last_error"] is not None
        assert view["last_error"]["code"] == "SESSION_INVALID"
        assert view["next_run_at"] is None

    play(scenario, registry(echo=echo))


def test_a_revoked_token_is_refused_before_anything_is_stored(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        token = await _token(harness)
        await _revoke(harness, token)
        with pytest.raises(SessionInvalid):
            await harness.ductape.processor.job.dispatch(_with(token))
        assert list(await harness.ductape.jobs.list()) == []

    play(scenario, registry(echo=echo))


def test_a_session_that_must_be_live_is_checked_at_each_run(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        job = a_job(
            "echo",
            session={"tag": "user", "token": await _token(harness), "mustBeLive": True},
            start_at=harness.clock.now_ms() + 3_600_001,
        )
        receipt = await harness.ductape.processor.job.dispatch(job)
        await harness.sleep(3_602_000)
        view = await view_of(harness, receipt["job_id"])
        assert view["last_error"] is not None
        assert (view["status"], view["last_error"]["code"]) == ("failed", "SESSION_EXPIRED")

    play(scenario, registry(echo=echo))


def test_what_cannot_be_unsealed_costs_no_attempt(play: Play) -> None:
    async def scenario(harness: Harness) -> None:
        later = harness.clock.now_ms() + 60_000
        token = await _token(harness)
        job = harness.ductape.processor.job
        once = await job.dispatch(_with(token, start_at=later, retries=3))
        often = await job.dispatch(_with(token, start_at=later, repeat={"every": 60_000}))
        await _break_the_seal(harness)
        with pytest.raises(JobFailed) as failed:
            await job.wait(once["job_id"])
        assert failed.value.error["code"] == "SEAL_BROKEN"
        assert failed.value.attempts == []
        view = await until_status(harness, often["job_id"], "paused")
        assert view["last_error"] is not None
        assert view["last_error"]["code"] == "SEAL_BROKEN"

    play(scenario, registry(echo=echo))


async def _break_the_seal(harness: Harness) -> None:
    """Damage every sealed session, as a lost key would."""

    def step(connection: Any) -> None:  # noqa: ANN401 (the store's connection)
        for table in ("runs", "schedules"):
            spoilt = f"json_set(spec, '$.session.sealed', '{'A' * 80}')"
            spoil = f"UPDATE {table} SET spec = CAST({spoilt} AS BLOB)"  # noqa: S608 (ours)
            connection.execute(spoil)

    await harness.ductape.core.store._engine.write(step)


def test_what_a_session_holds_is_masked_in_a_handler_s_error(play: Play) -> None:
    async def leaky(input: dict[str, Any]) -> None:  # noqa: A002 (a handler's own name)
        raise RuntimeError(f"cannot feed {input['pet']}")

    async def scenario(harness: Harness) -> None:
        job = a_job(
            "leaky",
            session={"tag": "user", "token": await _token(harness)},
            input={"pet": "$Session{pet}"},
        )
        with pytest.raises(JobFailed) as failed:
            await harness.ductape.processor.job.schedule(job)
        error = failed.value.error
        assert error["message"] == "cannot feed ***"
        assert PET not in str(error)
        assert "RuntimeError" in str(error["traceback"])
        view = await view_of(harness, failed.value.job_id or "")
        assert view["input"] == {"pet": "$Session{pet}"}
        assert PET not in str(view)

    play(scenario, registry(leaky=leaky, sleeper=sleeper))


def test_what_a_session_holds_is_masked_where_it_does_not_fit(play: Play) -> None:
    async def typed(_: _Wanted) -> None:
        raise AssertionError("must not be called")

    async def scenario(harness: Harness) -> None:
        job = a_job(
            "typed",
            session={"tag": "user", "token": await _token(harness)},
            input={"pet": "$Session{pet}"},
        )
        with pytest.raises(JobFailed) as failed:
            await harness.ductape.processor.job.schedule(job)
        assert failed.value.error["code"] == "VALIDATION_ERROR"
        assert PET not in str(failed.value.error)

    play(scenario, registry(typed=typed))
