"""Puts the demo's story on: receivers, product, secrets, sessions, jobs, and the wait for them.

All in one process, through the SDK that everybody uses. Spans are seconds where named `_S`.
"""

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import as_file, files
from logging import ERROR, getLogger
from pathlib import Path
from typing import cast

from ductape.app.ductape import Ductape
from ductape.app.preview import preview
from ductape.app.system import SystemClock, SystemEntropy
from ductape.catalog import load_document
from ductape.cli.demo.orders.handlers import handlers
from ductape.cli.demo.receivers import ReceiverName, Receivers, open_receivers
from ductape.cli.demo.story import CHECKOUT, CUSTOMER, ENV, PRODUCT, Act, Pace, Tokens, story
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.wire import HistoryView, JobView
from ductape.ports.clock import Clock
from ductape.worker.options import WorkerOptions

PORTS: Mapping[ReceiverName, int] = {"partner": 8101, "push": 8102, "mail": 8103}
"""Those of `product.yaml`, which the receivers' own replace."""

MOST_S = 15.0
"""What is not over by then has failed its check."""

LOOK_EVERY_S = 0.1
INSTANTS = 10


@dataclass(frozen=True)
class Scene:
    """What stands before the first job is scheduled."""

    store: str
    new_key: Path | None
    """The file of a key made for the store; none where one was given."""
    product: str
    version: int
    ports: Mapping[ReceiverName, int]


@dataclass(frozen=True)
class Outcome:
    """What became of the story; the sequences are in the acts' order."""

    acts: Sequence[Act]
    jobs: Sequence[JobView]
    histories: Sequence[HistoryView]
    got: Mapping[ReceiverName, Sequence[JsonObject]]
    """What each receiver received, oldest first."""
    scheduled_at_ms: int
    took_ms: int
    """From the scheduling to the end of the last job."""
    instants: Sequence[datetime]
    """The next ten of the seed's example, in UTC."""


@dataclass(frozen=True)
class Audience:
    """Who is told what, and when."""

    scene: Callable[[Scene], None]
    """Once, when everything stands."""
    look: Callable[[Sequence[Act], Sequence[JobView], int], None]
    """Again and again, with the present epoch ms."""


async def perform(store: str, pace: Pace, audience: Audience) -> Outcome:
    """Play the story in a new store at the path `store`."""
    clock, entropy = SystemClock(), SystemEntropy()
    partner_token, push_token = entropy.token(24).hex(), entropy.token(24).hex()
    async with open_receivers(partner_token=partner_token, push_token=push_token) as receivers:
        ductape = Ductape.open(store, config={}, handlers=handlers, worker=WorkerOptions())
        with _only_errors_logged():
            async with ductape:
                await ductape.secrets.set("partner_token", partner_token, product=PRODUCT)
                await ductape.secrets.set("expo_token", push_token, product=PRODUCT)
                audience.scene(await _applied(ductape, store, receivers))
                return await _played(ductape, pace, audience, receivers, clock)


def moved(value: JsonValue, ports: Mapping[int, int]) -> JsonValue:
    """Return a document with other ports on this machine.

    >>> moved({"url": "http://127.0.0.1:8101/a", "port": 8103}, {8101: 4001, 8103: 4003})
    {'url': 'http://127.0.0.1:4001/a', 'port': 4003}
    """
    match value:
        case dict():
            return {name: moved(member, ports) for name, member in value.items()}
        case list():
            return [moved(member, ports) for member in value]
        case int():
            return ports.get(value, value)
        case str():
            for old, new in ports.items():
                value = value.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
            return value
        case _:
            return value


def product_document() -> JsonObject:
    """Return `examples/orders/product.yaml` as it is shipped."""
    with as_file(files("ductape.cli.demo") / "orders" / "product.yaml") as path:
        return load_document(path)


async def _applied(ductape: Ductape, store: str, receivers: Receivers) -> Scene:
    ports: dict[ReceiverName, int] = {
        "partner": receivers.partner.port,
        "push": receivers.push.port,
        "mail": receivers.mail.port,
    }
    own = {PORTS[name]: port for name, port in ports.items()}
    document = moved(product_document(), own)
    applied = await ductape.products.apply(cast("JsonObject", document))
    core = ductape.core
    return Scene(
        store=store,
        new_key=core.key_file if core.key_made else None,
        product=applied["tag"],
        version=applied["version"],
        ports=ports,
    )


async def _played(
    ductape: Ductape, pace: Pace, audience: Audience, receivers: Receivers, clock: Clock
) -> Outcome:
    now_ms = clock.now_ms()
    acts = story(await _sessions(ductape), pace, now_ms=now_ms)
    receipts = await ductape.processor.job.dispatch_many([act.request for act in acts])
    ids = [receipt["job_id"] for receipt in receipts]
    jobs = await _watched(ductape, acts, ids, audience, clock)
    daily = cast("Mapping[str, object]", acts[0].request.get("repeat"))
    return Outcome(
        acts=acts,
        jobs=jobs,
        histories=[await ductape.jobs.history(one) for one in ids],
        got=receivers.got(),
        scheduled_at_ms=now_ms,
        took_ms=max((job["completed_at"] or now_ms) for job in jobs) - now_ms,
        instants=preview(daily, after=datetime.fromtimestamp(now_ms / 1_000, UTC), n=INSTANTS),
    )


async def _sessions(ductape: Ductape) -> Tokens:
    async def start(tag: str, data: JsonObject) -> str:
        where = {"product": PRODUCT, "env": ENV, "tag": tag, "data": data}
        return (await ductape.processor.sessions.start(where))["token"]

    return Tokens(
        customer=await start("user-session", CUSTOMER), checkout=await start("details", CHECKOUT)
    )


async def _watched(
    ductape: Ductape, acts: Sequence[Act], ids: Sequence[str], audience: Audience, clock: Clock
) -> list[JobView]:
    """Look at the jobs until they are over, or the time is."""
    loop = asyncio.get_running_loop()
    until = loop.time() + MOST_S
    while True:
        jobs = [await ductape.jobs.get(one) for one in ids]
        audience.look(acts, jobs, clock.now_ms())
        over = all(_is_over(act, job) for act, job in zip(acts, jobs, strict=True))
        if over or loop.time() >= until:
            return jobs
        await asyncio.sleep(LOOK_EVERY_S)


def _is_over(act: Act, job: JobView) -> bool:
    return job["status"] in {act.status, "completed", "failed", "cancelled"}


@contextmanager
def _only_errors_logged() -> Generator[None, None, None]:
    """Keep the log's lines out of the table; the scene tells of the new key."""
    log = getLogger("ductape")
    before = log.level
    log.setLevel(ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
