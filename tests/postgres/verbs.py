"""The public verbs: what each needs, how it is called, and how often it turns out to be done."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from ductape import Ductape, ResultTimeout, SessionInvalid
from ductape.domain.limits.quota import Sliding
from ductape.ports.stores.quotas import QuotaKey
from tests.builders import NOW_MS

PRODUCT: Mapping[str, object] = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "jobs": [{"tag": "add", "handler": "python"}],
    "features": [
        {
            "tag": "hold",
            "sequence": [{"tag": "main", "events": [{"type": "wait", "event": "go"}]}],
        }
    ],
    "sessions": [
        {
            "tag": "login",
            "schema": {"userId": "ada"},
            "selector": "$Session{userId}",
            "expiry": 1,
            "period": "hours",
        }
    ],
}
WHERE = {"product": "shop", "env": "dev", "tag": "login"}
LATER = 4_000_000_000
MANY = 150
"""So many jobs are streamed."""
RULE = Sliding(100, 60_000)

Prepare = Callable[[Ductape, str], Awaitable[str]]
Call = Callable[[Ductape, str], Awaitable[object]]
Done = Callable[[Ductape, str], Awaitable[int]]


@dataclass(frozen=True)
class Verb:
    """One verb, called about what was prepared under a name of its own."""

    call: Call
    done: Done
    """How often it was done."""
    prepare: Prepare | None = None
    whole: Collection[int] = (0, 1)
    """How often that may be: never, or once, whole."""
    partly: bool = False
    """Whether it is many transactions: an error may come after some of them."""


def a_request(name: str, **parts: object) -> dict[str, object]:
    """Ask for a job that is due in many years."""
    asked = {"product_tag": "shop", "env": "dev", "event": "add", "start_at": LATER}
    return {**asked, "input": {}, "metadata": {"of": name}, **parts}


def a_recurrence(name: str, **parts: object) -> dict[str, object]:
    return a_request(name, repeat={"every": 60_000}, **parts)


async def _stored(here: Ductape, name: str) -> str:
    return (await here.processor.job.dispatch(a_request(name)))["job_id"]


async def _held(here: Ductape, name: str) -> str:
    return (await here.processor.job.dispatch(a_request(name, event="hold")))["job_id"]


async def _ended(here: Ductape, name: str) -> str:
    job_id = await _stored(here, name)
    await here.jobs.cancel(job_id)
    return job_id


async def _recurring(here: Ductape, name: str) -> str:
    return (await here.processor.job.dispatch(a_recurrence(name)))["job_id"]


async def _paused(here: Ductape, name: str) -> str:
    job_id = await _recurring(here, name)
    await here.jobs.pause(job_id)
    return job_id


async def _three(here: Ductape, name: str) -> str:
    for _ in range(3):
        await _stored(here, name)
    return name


async def _three_ended(here: Ductape, name: str) -> str:
    await _three(here, name)
    await here.jobs.cancel_many({"metadata": {"of": name}})
    return name


async def _secret(here: Ductape, name: str) -> str:
    await here.secrets.set(name, "v", product="shop")
    return name


async def _token(here: Ductape, name: str) -> str:
    pair = await here.processor.sessions.start({**WHERE, "data": {"userId": name}})
    return pair["token"]


async def _refresh_token(here: Ductape, name: str) -> str:
    pair = await here.processor.sessions.start({**WHERE, "data": {"userId": name}})
    return pair["refreshToken"]


async def _scheduled(there: Ductape, name: str) -> None:
    """Wait for a result that will not come."""
    try:
        await there.processor.job.schedule(a_request(name), timeout=0.3)
    except ResultTimeout:
        return


async def _applied(there: Ductape, name: str) -> None:
    answer = await there.products.apply({**PRODUCT, "name": name})
    assert answer["changed"]


async def _deleted(there: Ductape, name: str) -> None:
    assert await there.secrets.delete(name, product="shop")


def _changes(call: Call) -> Call:
    async def changing(there: Ductape, job_id: str) -> None:
        answer = await call(there, job_id)
        assert isinstance(answer, dict)
        assert answer["changed"]

    return changing


async def _used(there: Ductape, name: str) -> None:
    verdict = await there.core.store.quotas.increment(_quota(name), RULE, 1, now_ms=NOW_MS)
    assert verdict.success


def _quota(name: str) -> QuotaKey:
    return QuotaKey("shop", "dev", "q", name.encode())


async def _of(here: Ductape, name: str) -> int:
    return len(await here.jobs.list(metadata={"of": name}, limit=1_000))


def _in(*states: str) -> Done:
    async def counted(here: Ductape, job_id: str) -> int:
        return int((await here.jobs.get(job_id))["status"] in states)

    return counted


async def _cancelled(here: Ductape, name: str) -> int:
    return len(await here.jobs.list(metadata={"of": name}, status="cancelled"))


async def _reopened(here: Ductape, name: str) -> int:
    return await _of(here, name) - await _cancelled(here, name)


async def _extra_runs(here: Ductape, job_id: str) -> int:
    record = await here.core.store.reading.get(job_id)
    assert record is not None
    assert record.schedule is not None
    return record.schedule.next_number - 2


async def _versions(here: Ductape, name: str) -> int:
    numbers = [one["version"] for one in await here.products.versions("shop")]
    views = [await here.products.get("shop", version=number) for number in numbers]
    return sum(view["document"].get("name") == name for view in views)


async def _secrets(here: Ductape, name: str) -> int:
    return sum(one["name"] == name for one in await here.secrets.list(product="shop"))


async def _no_secret(here: Ductape, name: str) -> int:
    return 1 - await _secrets(here, name)


async def _sessions(here: Ductape, name: str) -> int:
    asked = {"product": "shop", "session": "login", "limit": 1_000}
    page = await here.processor.sessions.users(asked)
    return sum(one["session_count"] for one in page["users"] if one["identifier"] == name)


async def _refused(here: Ductape, token: str) -> int:
    try:
        await here.processor.sessions.decrypt({**WHERE, "token": token})
    except SessionInvalid:
        return 1
    return 0


async def _refreshes(here: Ductape, refresh: str) -> int:
    """Repeat it, as whoever has lost the answer may."""
    await here.processor.sessions.refresh({**WHERE, "refreshToken": refresh})
    return 1


async def _uses(here: Ductape, name: str) -> int:
    verdict = await here.core.store.quotas.check(_quota(name), RULE, 1, now_ms=NOW_MS)
    return 100 - verdict.remaining


def _queue_has(key: str, value: object) -> Done:
    async def counted(here: Ductape, name: str) -> int:
        return sum(
            one["name"] == name and one.get(key) == value for one in await here.queues.list()
        )

    return counted


async def _signals(here: Ductape, job_id: str) -> int:
    async with here.transaction() as tx:
        asked = "SELECT count(*) FROM restarts.signals WHERE job_id = %s"
        [[number]] = await tx.execute(asked, [job_id])
    return int(number)


async def _once(here: Ductape, name: str) -> int:  # noqa: ARG001 (every verb's)
    return 1


def _reading(call: Call, prepare: Prepare | None = None) -> Verb:
    return Verb(call, _once, prepare, whole=(1,))


VERBS: dict[str, Verb] = {
    "dispatch": Verb(lambda d, n: d.processor.job.dispatch(a_request(n)), _of),
    "dispatch under a key": Verb(lambda d, n: d.processor.job.dispatch(a_request(n, key=n)), _of),
    "dispatch a recurrence": Verb(
        lambda d, n: d.processor.job.dispatch(a_recurrence(n, key=n)), _of
    ),
    "dispatch_many": Verb(
        lambda d, n: d.processor.job.dispatch_many([a_request(n), a_request(n, key=n)]),
        _of,
        whole=(0, 2),
    ),
    "dispatch_many, streamed": Verb(
        lambda d, n: d.processor.job.dispatch_many([a_request(n) for _ in range(MANY)]),
        _of,
        whole=(0, MANY),
    ),
    "schedule": Verb(_scheduled, _of),
    "cancel": Verb(_changes(lambda d, j: d.jobs.cancel(j)), _in("cancelled"), _stored),
    "cancel_many": Verb(
        lambda d, n: d.jobs.cancel_many({"metadata": {"of": n}}),
        _cancelled,
        _three,
        whole=range(4),
        partly=True,
    ),
    "pause": Verb(_changes(lambda d, j: d.jobs.pause(j)), _in("paused"), _recurring),
    "resume": Verb(_changes(lambda d, j: d.jobs.resume(j)), _in("scheduled"), _paused),
    "run_now": Verb(_changes(lambda d, j: d.jobs.run_now(j)), _extra_runs, _recurring),
    "retry": Verb(_changes(lambda d, j: d.jobs.retry(j)), _in("queued"), _ended),
    "retry_many": Verb(
        lambda d, n: d.jobs.retry_many({"metadata": {"of": n}}),
        _reopened,
        _three_ended,
        whole=range(4),
        partly=True,
    ),
    "apply": Verb(_applied, _versions),
    "secrets.set": Verb(lambda d, n: d.secrets.set(n, "v", product="shop"), _secrets),
    "secrets.delete": Verb(_deleted, _no_secret, _secret),
    "sessions.start": Verb(_token, _sessions),
    "sessions.refresh": Verb(
        lambda d, t: d.processor.sessions.refresh({**WHERE, "refreshToken": t}),
        _refreshes,
        _refresh_token,
        whole=(1,),
    ),
    "sessions.revoke": Verb(
        lambda d, t: d.processor.sessions.revoke({**WHERE, "token": t}), _refused, _token
    ),
    "quota": Verb(_used, _uses),
    "queues.pause": Verb(lambda d, n: d.queues.pause(n), _queue_has("paused", value=True)),
    "queues.set_concurrency": Verb(
        lambda d, n: d.queues.set_concurrency(n, 3), _queue_has("concurrency", 3)
    ),
    "queues.set_rate": Verb(
        lambda d, n: d.queues.set_rate(n, 3), _queue_has("rate", {"limit": 3, "per": 1_000})
    ),
    "features.signal": Verb(
        _changes(lambda d, j: d.features.signal(j, "go", {"a": 1})), _signals, _held
    ),
    "history": _reading(lambda d, j: d.jobs.history(j), _ended),
    "list": _reading(lambda d, _: d.jobs.list(limit=5)),
    "caches": _reading(lambda d, _: d.caches.values({"product_tag": "shop", "cache_tag": "c"})),
    "doctor": _reading(lambda d, _: d.doctor()),
}
