"""Who leads and who follows, on PostgreSQL: decided at once for all runs that ask at the moment.

What has a fresh result is told so by a look that holds nothing. Of the others the keys are held
until the transaction's end: so equal runs are told one after another who leads, and a leader's
result meets every follower.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from ductape.domain.change import RunRef
from ductape.ports.stores.memory import Follows, Fresh, Leads
from ductape.stores.postgres.limits.gates import hold_gates
from ductape.stores.postgres.limits.room import unblock
from ductape.stores.postgres.rows.values import Values, decode_json
from ductape.stores.postgres.server.batches import Batches
from ductape.stores.postgres.server.engine import Engine
from ductape.stores.postgres.server.transaction import Transaction

Named = tuple[str, int]
"""A run by its job and number."""
Told = Fresh | Leads | Follows | None


class Recall(Struct, frozen=True):
    """A claimed run that asks."""

    run: RunRef
    key: bytes
    now_ms: int

    @property
    def name(self) -> Named:
        """Return its job and number."""
        return self.run.job_id, self.run.number


class Recalling:
    """Consults the cache for claimed runs."""

    def __init__(self, engine: Engine) -> None:
        """Work on an engine."""
        self._engine = engine
        self._batches = Batches(self._answers, name="ductape-recalls")

    async def recall(self, recall: Recall) -> Told:
        """Say what a run is to do; none where it finds no result, and its fence is lost."""
        return await self._batches.answer(recall)

    async def aclose(self) -> None:
        """Wait for what is under way."""
        await self._batches.aclose()

    async def _answers(self, asked: Sequence[Recall]) -> Sequence[Told]:
        now_ms = max(recall.now_ms for recall in asked)
        keys: Values = {"keys": sorted({recall.key for recall in asked}), "now": now_ms}
        fresh = await self._engine.single(lambda t: _fresh(t, keys))
        others = [recall for recall in asked if recall.key not in fresh]
        told = dict[RunRef, Told]()
        if others:
            told = await self._engine.piped(lambda t: _decide(t, others, now_ms))
        return [fresh.get(recall.key) or told[recall.run] for recall in asked]


async def hold_keys(transaction: Transaction, keys: Collection[bytes], now_ms: int) -> None:
    """Keep others away from cache keys until the transaction ends; before any run is touched."""
    if keys:
        await transaction.change("cache_entries", "lock", {"keys": sorted(keys), "now": now_ms})


async def release(transaction: Transaction, keys: Collection[bytes], now_ms: int) -> None:
    """Let the first run that is parked under each cache key be claimed."""
    if keys:
        await transaction.change("runs", "release", {"keys": sorted(keys), "now": now_ms})


async def _fresh(transaction: Transaction, keys: Values) -> dict[bytes, Fresh]:
    """Return what answers, by its key: a result may be large, and is sent once."""
    rows = await transaction.rows("cache_entries", "fresh_all", keys)
    return {key: Fresh(decode_json(result)) for key, result in rows}


class _Deciding:
    """What is known while the keys are held, and what follows from it for each run."""

    def __init__(
        self,
        held: Mapping[Named, tuple[str, str | None]],
        fresh: Mapping[bytes, Fresh],
        leaders: Mapping[bytes, list[Named]],
    ) -> None:
        """`held`: state and reason to stop of the runs whose fences hold."""
        self._held = held
        self._fresh = fresh
        self._leaders = leaders
        self.leading: list[Recall] = []
        self.parked: list[Recall] = []

    def told(self, recall: Recall) -> Told:
        """Decide on one more."""
        held = self._held.get(recall.name)
        if held is None:
            return None
        if recall.key in self._fresh:
            return self._fresh[recall.key]
        state, stop_reason = held
        leaders = self._leaders[recall.key]
        leader = next((one for one in leaders if one != recall.name), None)
        # A run that is to stop is not parked: its worker could not settle it any more.
        if leader is not None and state == "running" and stop_reason is None:
            self.parked.append(recall)
            return Follows(leader[0])
        if state == "running":
            self.leading.append(recall)
            leaders.append(recall.name)
        return Leads()


async def _decide(
    transaction: Transaction, asked: Sequence[Recall], now_ms: int
) -> dict[RunRef, Told]:
    """Decide on runs that nothing answers yet."""
    columns = _columns(asked)
    gates = {row[0] for row in await transaction.rows("runs", "gates_of", columns)}
    await hold_gates(transaction, gates, now_ms)
    keys = {recall.key for recall in asked}
    await hold_keys(transaction, keys, now_ms)
    deciding = await _known(transaction, columns, keys, now_ms)
    told = {recall.run: deciding.told(recall) for recall in asked}
    if deciding.leading:
        await transaction.ask("runs", "lead", _columns(deciding.leading))
    if deciding.parked:
        await transaction.ask("runs", "park", {**_columns(deciding.parked), "now": now_ms})
        await unblock(transaction, gates, now_ms)
    return told


async def _known(
    transaction: Transaction, columns: Values, keys: Collection[bytes], now_ms: int
) -> _Deciding:
    """Hold the runs, and look what there is under their keys."""
    asked: Values = {"keys": sorted(keys), "now": now_ms}
    held = await transaction.ask("runs", "hold_all", columns)
    led = await transaction.ask("runs", "leaders", asked)
    fresh = await _fresh(transaction, asked)
    leaders: defaultdict[bytes, list[Named]] = defaultdict(list)
    for key, job_id, number in await led.rows():
        leaders[key].append((job_id, number))
    return _Deciding(
        {(row[0], row[1]): (row[2], row[3]) for row in await held.rows()},
        fresh,
        leaders,
    )


def _columns(asked: Sequence[Recall]) -> Values:
    return {
        "jobs": [recall.run.job_id for recall in asked],
        "numbers": [recall.run.number for recall in asked],
        "fences": [recall.run.fence for recall in asked],
        "keys": [recall.key for recall in asked],
    }
