"""Ours: jobs stored beforehand, then drained by one worker with 50 slots."""

from bench.calls import AT_ONCE
from bench.calls.messages import MAIL, MESSAGE, ORDER, SUBJECT
from bench.calls.pace import Pace, Watch
from bench.calls.partners import Partners
from bench.grounds import SETTINGS
from ductape import Ductape, WorkerOptions

_BULK = 1_000
_HERE = {"product_tag": "shop", "env": "dev", "start_at": 0}
_UNSERVED = "later"
"""The queue of the jobs that messages become: storing them is timed, not executing them."""

ACTION = {**_HERE, "event": "create_order", "app": "partner", "input": {"body": ORDER}}
FAR_ACTION = {**ACTION, "event": "create_far"}
CALLBACK = {**_HERE, "event": "orders", "input": {"callback": {"body": ORDER}}}
EMAIL = {
    **_HERE,
    "event": "orders",
    "input": {"email": {name: MAIL[name] for name in ("to", "subject", "template")}},
}


def publishing(broker: str) -> dict[str, object]:
    """Return the job that publishes one message."""
    return {**_HERE, "event": f"{broker}:orders", "input": {"message": MESSAGE}}


def product(partners: Partners) -> dict[str, object]:
    """Return the product's document: an app, a notification, two brokers."""
    topics = [{"tag": "orders", "name": SUBJECT}]
    return {
        "tag": "shop",
        "envs": [{"slug": "dev", "allow_private": True}],
        "apps": [
            {
                "tag": "partner",
                "envs": [{"slug": "dev", "base_url": partners.http}],
                "actions": [
                    {"tag": "create_order", "method": "POST", "resource": "/orders"},
                    {"tag": "create_far", "method": "POST", "resource": "/far"},
                ],
            }
        ],
        "notifications": [
            {
                "tag": "orders",
                "callback": {"url": f"{partners.http}/hook"},
                "email": {
                    "host": "127.0.0.1",
                    "port": partners.smtp_port,
                    "security": "none",
                    "sender": MAIL["from"],
                },
            }
        ],
        "brokers": [
            {"tag": "redis", "type": "redis", "url": partners.redis, "topics": topics},
            {"tag": "nats", "type": "nats", "url": partners.nats, "topics": topics},
        ],
        "jobs": [{"tag": "take", "handler": "python"}],
    }


async def drained(url: str, partners: Partners, job: dict[str, object], count: int) -> Pace:
    """Store jobs, then drain them; return the pace of recorded results."""
    ids: list[str] = []
    async with _opened(url, worker=False) as ductape:
        await ductape.products.apply(product(partners))
        for begun in range(0, count, _BULK):
            receipts = await ductape.processor.job.dispatch_many([job] * min(_BULK, count - begun))
            ids += [receipt["job_id"] for receipt in receipts]
    async with _opened(url, worker=WorkerOptions(concurrency=AT_ONCE)) as ductape:
        watch = Watch()  # nothing is claimed yet: the worker was started, no more
        # They are claimed in order, so that whatever is unfinished by then is one of these.
        for one in reversed(ids[-AT_ONCE:]):
            await ductape.processor.job.wait(one)
        pace = watch.pace(count)
        for one in ids:
            await ductape.processor.job.wait(one, timeout=10)
    return pace


async def subscribed(url: str, partners: Partners, broker: str, count: int) -> Pace:
    """Make a durable job of every message that waits; return at what pace."""
    options = WorkerOptions(concurrency=AT_ONCE, queues=("default",))
    job = {
        **_HERE,
        "event": f"{broker}:orders",
        "input": {"callback": "take", "queue": _UNSERVED, "max_messages": count},
    }
    async with _opened(url, worker=options) as ductape:
        await ductape.products.apply(product(partners))
        watch = Watch()
        result = await ductape.processor.job.schedule(job)
        pace = watch.pace(count)
    if result != {"received": count, "dispatched": count}:
        raise RuntimeError(f"not every message became a job: {result}")
    return pace


def _opened(url: str, *, worker: WorkerOptions | bool) -> Ductape:
    config = {**SETTINGS, "egress": {"allow_private": ["127.0.0.0/8", "::1/128"]}}
    return Ductape.open(url, config=config, worker=worker)
