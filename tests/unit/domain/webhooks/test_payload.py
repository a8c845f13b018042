"""What a delivery says: the job as everybody sees it, bounded, and nothing sensitive."""

from typing import cast

import msgspec
from msgspec.structs import replace

from ductape.domain.job import Attempt, Claim
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Outcome, StoredError, Success
from ductape.domain.record import JobRecord
from ductape.domain.request import JobEventTypes
from ductape.domain.views import job_view
from ductape.domain.webhooks.happened import record_after, record_of
from ductape.domain.webhooks.payload import MOST_BYTES, payload
from tests.builders import NOW_MS, ZONES, a_failure, a_run, a_spec, decide

LONG = "x" * MOST_BYTES


def ended(outcome: Outcome, **spec: object) -> JobRecord:
    claim = Claim(a_run(a_spec(**spec), state="running", fence=1, worker="w1"))
    return record_after(record_of(claim), decide(claim, outcome, NOW_MS))


def job_told(record: JobRecord) -> JsonObject:
    said = payload("job.completed", record, now_ms=NOW_MS, zones=ZONES)
    return cast("JsonObject", said["job"])


def test_it_names_the_event_and_the_instant_in_milliseconds() -> None:
    said = payload("job.failed", ended(a_failure()), now_ms=NOW_MS, zones=ZONES)
    assert list(said) == ["event", "timestamp", "job"]
    assert (said["event"], said["timestamp"]) == ("job.failed", NOW_MS)


def test_the_job_has_its_wire_shape_and_what_the_typescript_sdk_has_beside_it() -> None:
    record = ended(Success({"ok": True}))
    job = job_told(record)
    shown = job_view(record, now_ms=NOW_MS, zones=ZONES)
    assert {name: job[name] for name in shown} == shown
    assert set(job) - set(shown) == {"namespace", "error", "omitted"}
    assert (job["namespace"], job["error"], job["omitted"]) == ("jobs", None, [])


def test_every_kind_has_its_namespace() -> None:
    spaces = {kind: job_told(ended(Success(1), kind=kind))["namespace"] for kind in JobEventTypes}
    assert spaces[JobEventTypes.ACTION] == "actions"
    assert all(isinstance(space, str) for space in spaces.values())


def test_an_error_is_told_without_its_traceback() -> None:
    error = StoredError("HANDLER_ERROR", "no luck", "Odd", NOW_MS, traceback="Traceback: x")
    job = job_told(ended(replace(a_failure(), error=error)))
    assert job["error"] == "no luck"
    assert "Traceback" not in msgspec.json.encode(job).decode()
    assert cast("JsonObject", job["last_error"])["code"] == "HANDLER_ERROR"


def test_what_is_sensitive_is_left_out_and_said_to_be() -> None:
    record = ended(Success({"$sealed": "abc", "place": "p"}), sensitive=True)
    job = job_told(record)
    assert (job["input"], job["result"], job["omitted"]) == (None, None, ["input", "result"])
    assert "$sealed" not in msgspec.json.encode(job).decode()


def test_what_is_too_large_is_left_out_and_said_to_be() -> None:
    result: JsonValue = {"text": LONG}
    job = job_told(ended(Success(result)))
    assert (job["result"], job["input"], job["omitted"]) == (None, {"order": 7}, ["result"])
    job = job_told(ended(Success(1), input={"text": LONG}))
    assert (job["result"], job["input"], job["omitted"]) == (1, None, ["input"])


def test_of_many_attempts_the_latest_are_told() -> None:
    tried = tuple(Attempt(at, NOW_MS, NOW_MS, "failed", "w1") for at in range(1, 31))
    run = a_run(state="running", fence=1, worker="w1", attempts=tried)
    claim = Claim(run)
    record = record_after(record_of(claim), decide(claim, Success(1), NOW_MS))
    job = job_told(record)
    attempts = cast("list[JsonObject]", job["attempts"])
    assert [attempt["number"] for attempt in attempts] == list(range(22, 32))
    assert job["omitted"] == ["attempts"]
