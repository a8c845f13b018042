"""One story: a store, a fleet, a dispatcher, trouble, peace, and the count."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import msgspec

from ductape import Ductape
from tests.servers.postgres import PostgresServer, postgres_server
from tests.servers.proxy import Proxy
from torture.dispatcher import Spec
from torture.evidence import PostgresWitness, SqliteWitness, Witness
from torture.fleet import Fleet, spawn
from torture.judge import Case, judge
from torture.ledger import lines
from torture.load import PRODUCT
from torture.plan import KEY, Plan
from torture.troubles import Troubles

SCHEMA = "torture"
LOOK_S = 0.25


@dataclass(frozen=True)
class Told:
    """How a story ended."""

    plan: Plan
    case: Case
    troubles: dict[str, int]
    clocks_ms: tuple[int, ...]
    """By how much the clocks of the processes were ahead."""
    took_s: float
    broken: tuple[str, ...]
    """Every promise that was not kept."""


async def tell(plan: Plan, folder: Path) -> Told:
    """Live through one story; its ledgers and logs are left in the folder."""
    if plan.kind == "sqlite":
        path = folder / "jobs.db"
        store = f"sqlite:///{path}"
        await _prepare(store)
        fleet = Fleet(plan, store, folder, steady=lambda: _nobody_writes(path))
        return await _live(plan, folder, fleet, Troubles(plan, fleet), SqliteWitness(path))
    with postgres_server() as server:
        async with _bad_line(server) as proxy:
            direct = f"{server.url}?schema={SCHEMA}"
            await _prepare(direct)
            store = direct.replace(f":{server.port}", f":{proxy.port}")
            fleet = Fleet(plan, store, folder)
            troubles = Troubles(plan, fleet, line=(proxy, server))
            return await _live(plan, folder, fleet, troubles, PostgresWitness(server.url, SCHEMA))


async def _live(
    plan: Plan, folder: Path, fleet: Fleet, troubles: Troubles, witness: Witness
) -> Told:
    began_s = time.monotonic()
    feeling = asyncio.create_task(troubles.feel_the_machine())
    try:
        late = await _through_trouble(plan, folder, fleet, troubles)
        left = await _until_done(witness, plan)
        await fleet.all_ready()
        await fleet.stop()
        history = witness.history()
    finally:
        feeling.cancel()
        await asyncio.gather(feeling, return_exceptions=True)
        await fleet.abandon()
        witness.close()
    case = Case(plan, list(lines(folder)), history, fleet.deeds, troubles.outages)
    return Told(
        plan=plan,
        case=case,
        troubles=dict(troubles.done),
        clocks_ms=tuple(fleet.clocks),
        took_s=time.monotonic() - began_s,
        broken=(*late, *left, *fleet.bad_ends, *judge(case)),
    )


async def _through_trouble(plan: Plan, folder: Path, fleet: Fleet, troubles: Troubles) -> list[str]:
    """Dispatch while trouble is made; return what the dispatcher left undone."""
    for _ in range(plan.workers):
        await fleet.start()
    await fleet.all_ready()
    spec = Spec(fleet.store, str(folder), plan)
    dispatcher = await spawn("torture.dispatcher", msgspec.json.encode(spec), folder / "log")
    assert dispatcher.stdout is not None  # noqa: S101 (it is a pipe)
    await dispatcher.stdout.readline()
    try:
        await troubles.serve(plan.trouble_s)
    finally:
        dispatcher.terminate()
    try:
        async with asyncio.timeout(plan.longest_s):
            code = await dispatcher.wait()
    except TimeoutError:
        dispatcher.kill()
        await dispatcher.wait()
        return ["somebody still waits for a result"]
    return [] if code == 0 else [f"the dispatcher ended with exit code {code}"]


async def _until_done(witness: Witness, plan: Plan) -> list[str]:
    """Wait until nothing waits or runs, or nothing gets done any more; return what is left."""
    began_s = changed_s = time.monotonic()
    left = witness.left()
    while left and not _over(began_s, changed_s, plan):
        await asyncio.sleep(LOOK_S)
        before, left = left, witness.left()
        if left != before:
            changed_s = time.monotonic()
    return left


def _over(began_s: float, changed_s: float, plan: Plan) -> bool:
    now_s = time.monotonic()
    return now_s - changed_s >= plan.peace_s or now_s - began_s >= plan.longest_s


async def _prepare(store: str) -> None:
    async with Ductape.open(store, config={"key": KEY}, worker=False) as ductape:
        await ductape.products.apply(PRODUCT)


@contextmanager
def _nobody_writes(path: Path) -> Generator[None]:
    """Hold the file's only writer's place: who is frozen now does not hold everybody up.

    A process frozen in the middle of a write keeps SQLite's lock, and all others wait for it: that
    is how one file on one machine is, and not what is tried here.
    """
    connection: Any = apsw.Connection(str(path))
    connection.set_busy_timeout(10_000)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@asynccontextmanager
async def _bad_line(server: PostgresServer) -> AsyncGenerator[Proxy]:
    proxy = Proxy(server.port)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.aclose()
