"""Connections to one database: as many as allowed, kept while they are well."""

import asyncio
import sys

import pytest

from ductape.domain.database_place import Place
from ductape.domain.definitions.database import DatabaseType
from ductape.domain.egress import EgressPolicy
from ductape.errors import ConfigError
from ductape.ports.database import Answer, Bounds, DocumentWork, SqlWork, Whose
from ductape.providers.databases import FileRules, PooledDatabases
from ductape.providers.databases.pool import KEPT_S, Pool

WHOSE = Whose("shop", "dev", "main")
BOUNDS = Bounds(timeout_ms=1_000, max_bytes=1_000)
PATIENCE_S = 10


class Gone(Exception):
    """A connection is no more."""


class Numbers:
    """A driver whose connections are numbers."""

    lost: tuple[type[Exception], ...] = (Gone,)

    def __init__(self) -> None:
        self.opened = 0
        self.closed: list[int] = []
        self.endings: asyncio.Queue[int] = asyncio.Queue()
        self.gone: set[int] = set()
        self.unclean: set[int] = set()
        self.now = 0.0

    async def open(self) -> int:
        self.opened += 1
        return self.opened

    def is_alive(self, connection: int) -> bool:
        return connection > 0

    async def clean(self, connection: int) -> bool:
        return connection not in self.unclean

    async def close(self, connection: int) -> None:
        self.closed.append(connection)
        self.endings.put_nowait(connection)

    async def begin(self, connection: int) -> None:
        if connection in self.gone:
            raise Gone


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


@pytest.fixture
def pool(numbers: Numbers) -> Pool[int]:
    return Pool(numbers, 2, lambda: numbers.now)


async def used(pool: Pool[int], numbers: Numbers, *, sound: bool = True) -> int:
    async with pool.lend(numbers.begin) as lent:
        lent.sound = sound
        return lent.connection


async def test_a_sound_connection_is_kept_and_another_is_closed(
    pool: Pool[int], numbers: Numbers
) -> None:
    assert await used(pool, numbers) == await used(pool, numbers, sound=False) == 1
    assert numbers.closed == [1]
    assert await used(pool, numbers) == 2


async def test_what_cannot_be_made_clean_is_closed(pool: Pool[int], numbers: Numbers) -> None:
    numbers.unclean = {1}
    assert await used(pool, numbers) == 1
    assert numbers.closed == [1]
    assert await used(pool, numbers) == await used(pool, numbers) == 2


async def test_who_does_not_answer_while_it_is_cleaned_is_closed(
    pool: Pool[int], numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ductape.providers.databases.pool.CLEAN_S", 0)
    monkeypatch.setattr(numbers, "clean", lambda _: asyncio.Event().wait())
    assert await used(pool, numbers) == 1
    assert numbers.closed == [1]


async def test_who_is_cancelled_while_it_is_cleaned_leaves_nothing_open(
    pool: Pool[int], numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaning = asyncio.Event()

    async def clean(_: int) -> bool:
        cleaning.set()
        return await asyncio.Event().wait()

    monkeypatch.setattr(numbers, "clean", clean)
    using = asyncio.create_task(used(pool, numbers))
    await cleaning.wait()
    using.cancel()
    with pytest.raises(asyncio.CancelledError):
        await using
    assert numbers.closed == [1]


async def test_nobody_gets_more_than_there_are(pool: Pool[int], numbers: Numbers) -> None:
    async with pool.lend(numbers.begin), pool.lend(numbers.begin) as second:
        third = asyncio.create_task(used(pool, numbers))
        await asyncio.sleep(0)
        assert (third.done(), numbers.opened) == (False, 2)
        second.sound = True
    assert await third == 2


async def test_what_was_lost_meanwhile_is_replaced_before_anybody_has_it(
    pool: Pool[int], numbers: Numbers
) -> None:
    await used(pool, numbers)
    numbers.gone = {1}
    assert await used(pool, numbers) == 2
    assert numbers.closed == [1]


async def test_a_new_connection_that_cannot_begin_is_a_failure(
    pool: Pool[int], numbers: Numbers
) -> None:
    numbers.gone = {1}
    with pytest.raises(Gone):
        await used(pool, numbers)
    assert numbers.closed == [1]


async def test_what_nobody_used_for_long_is_closed(pool: Pool[int], numbers: Numbers) -> None:
    await used(pool, numbers)
    numbers.now = KEPT_S
    assert await used(pool, numbers) == 2
    assert numbers.closed == [1]


async def test_what_nobody_wants_any_more_is_closed_though_nobody_comes(
    pool: Pool[int], numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ductape.providers.databases.pool.KEPT_S", 0)
    async with pool.lend(numbers.begin) as other:
        await used(pool, numbers)
        other.sound = True
    async with asyncio.timeout(PATIENCE_S):
        assert {await numbers.endings.get(), await numbers.endings.get()} == {1, 2}


async def test_of_what_is_kept_only_what_is_old_is_closed(
    pool: Pool[int], numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ductape.providers.databases.pool.KEPT_S", 0)
    async with pool.lend(numbers.begin) as other:
        await used(pool, numbers)
        other.sound = True
        monkeypatch.setattr("ductape.providers.databases.pool.KEPT_S", 9)
    async with asyncio.timeout(PATIENCE_S):
        assert await numbers.endings.get() == 2
    assert await used(pool, numbers) == 1
    await pool.aclose()


async def test_what_is_lent_while_all_is_closed_is_closed_as_it_comes_back(
    pool: Pool[int], numbers: Numbers
) -> None:
    async with pool.lend(numbers.begin) as lent:
        await pool.aclose()
        lent.sound = True
    assert numbers.closed == [1]


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [
        ("postgresql", "postgres.database", "postgres"),
        ("mysql", "mysql.database", "mysql"),
    ],
)
async def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: DatabaseType, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, f"ductape.providers.databases.{module}", None)
    databases = PooledDatabases(EgressPolicy(), FileRules(()))
    place = Place(kind, (("127.0.0.1", 9),), "x")
    with pytest.raises(ConfigError, match=f"the extra `{extra}`"):
        await databases.sql(WHOSE, place, SqlWork((), reads_only=True), BOUNDS)


async def test_the_extra_of_mongodb_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ductape.providers.databases.mongo.database", None)
    databases = PooledDatabases(EgressPolicy(), FileRules(()))
    place = Place("mongodb", (("127.0.0.1", 9),), "x")
    with pytest.raises(ConfigError, match="the extra `mongo`"):
        await databases.documents(WHOSE, place, DocumentWork("read", ({},)), BOUNDS)


class Opened:
    """A database that is there."""

    def __init__(self, closed: list[str], place: Place) -> None:
        self._closed = closed
        self._name = place.database
        self.goes_on = asyncio.Event()

    async def sql(self, work: SqlWork, bounds: Bounds) -> Answer:
        assert bounds == BOUNDS
        if not work.reads_only:
            await self.goes_on.wait()
        return Answer(0, None)

    async def aclose(self) -> None:
        self._closed.append(self._name)


async def test_a_database_that_no_version_names_any_more_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[str] = []
    databases = PooledDatabases(EgressPolicy(), FileRules(()))
    opened: list[Opened] = []

    def make(place: Place) -> Opened:
        opened.append(Opened(closed, place))
        return opened[-1]

    monkeypatch.setattr(databases, "_sql_database", make)
    monkeypatch.setattr("ductape.providers.databases.FORGOTTEN_S", -1)

    async def use(name: str, *, reads_only: bool = True) -> None:
        place = Place("postgresql", (("127.0.0.1", 9),), name)
        await databases.sql(Whose("shop", "dev", name), place, SqlWork((), reads_only), BOUNDS)

    busy = asyncio.create_task(use("busy", reads_only=False))
    await asyncio.sleep(0)
    for version in range(3):
        await use(f"v{version}")
    assert closed == ["v0", "v1"]
    opened[0].goes_on.set()
    await busy
    await databases.aclose()
    assert sorted(closed) == ["busy", "v0", "v1", "v2"]
