"""The seed's example, word for word, through the SDK against real receivers on loopback.

The only change is its elided session token, which is a live one. A clock that runs at real speed
but shows another time lets its ten o'clock strike while the test waits for the result.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest

import ductape as dt
from ductape import Ductape, Handlers
from ductape.app.system import SystemClock
from ductape.catalog import load_document
from ductape.cli.demo.story import seed_example
from tests.servers.http import Expo, expo_receiver

PRODUCT = Path(__file__).parents[2] / "examples/orders/product.yaml"

SEED_EXAMPLE = {
    "product_tag": "my-product",
    "env": "prd",
    "event": "send_notification",
    "start_at": 0,
    "input": {
        "slug": "order_update",
        "push_notification": {
            "title": {"en": "Order Shipped"},
            "body": {"en": "Your order #12345 has been shipped!"},
            "data": {"trackingId": "XYZ987"},
            "device_token": "abcdef123456",
        },
    },
    "session": {"tag": "user-session", "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..."},
    "cache": "notify-user-123",
    "repeat": {"cron": "0 10 * * *", "tz": "Europe/Amsterdam", "limit": 30},
}

PUSH = {
    "to": "abcdef123456",
    "title": "Order Shipped",
    "body": "Your order #12345 has been shipped!",
    "data": {"trackingId": "XYZ987"},
}

EMAIL = "grace@example.org"

TEN = datetime(2026, 3, 29, 8, tzinfo=UTC)
"""Ten o'clock in Amsterdam on the day on which summer time begins."""


class ShiftedClock:
    """Runs as the system's does, but began a moment before ten."""

    def __init__(self) -> None:
        self._system = SystemClock()
        self._ahead = _ms(TEN - timedelta(milliseconds=400)) - self._system.now_ms()

    def now_ms(self) -> int:
        return self._system.now_ms() + self._ahead


@dataclass(frozen=True)
class House:
    """An open Ductape with the seed's product, and the push service that it knows."""

    ductape: Ductape
    expo: Expo
    folder: Path
    """Holds the file, if the store is one."""

    async def session(self, tag: str, data: dict[str, object]) -> str:
        """Start a session; return its token."""
        request = {"product": "my-product", "env": "prd", "tag": tag, "data": data}
        return (await self.ductape.processor.sessions.start(request))["token"]

    async def example(self, *, without: str | None = None) -> dict[str, object]:
        """Return the seed's example with a live token."""
        example: dict[str, object] = deepcopy(SEED_EXAMPLE)
        user = {"id": "usr_1", "userId": "usr_1", "email": EMAIL}
        example["session"] = {
            "tag": "user-session",
            "token": await self.session("user-session", user),
        }
        if without is not None:
            del example[without]
        return example

    def pushes(self) -> list[object]:
        """Return every push message that arrived."""
        return [msgspec.json.decode(request.body) for request in self.expo.requests]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Stand on a file, which goes by the clock that is a moment before ten."""
    async with _house(f"sqlite:///{tmp_path}/jobs.db", tmp_path) as standing:
        yield standing


@pytest.fixture
async def any_house(store: str, tmp_path: Path) -> AsyncIterator[House]:
    """Stand on each kind of store; a server goes by its own clock."""
    async with _house(store, tmp_path) as standing:
        yield standing


@asynccontextmanager
async def _house(store: str, folder: Path) -> AsyncGenerator[House]:
    handlers = Handlers()

    @handlers.job("echo")
    async def echo(input: dict[str, object]) -> dict[str, object]:  # noqa: A002
        return input

    opened = Ductape.open(store, handlers=handlers, worker=True, clock=ShiftedClock())
    async with expo_receiver() as expo, opened as ductape:
        document = load_document(PRODUCT)
        (notification,) = document["notifications"]
        port = urlsplit(expo.url).port
        notification["push_notification"]["url"] = f"http://127.0.0.1:{port}/push/send"
        await ductape.secrets.set("expo_token", "expo-secret", product="my-product")
        await ductape.secrets.set("partner_token", "partner-secret", product="my-product")
        assert (await ductape.products.apply(document))["warnings"] == []
        yield House(ductape, expo, folder)


async def test_schedule_resolves_with_the_result_of_the_first_run(house: House) -> None:
    res = await house.ductape.processor.job.schedule(await house.example(), timeout=10)
    assert res == {"push_notification": {"status": "sent", "provider_id": "ticket-1"}}
    assert house.pushes() == [PUSH]
    assert house.expo.only().headers["authorization"] == "Bearer expo-secret"


async def test_the_receipt_names_the_next_ten_oclock_in_amsterdam(house: House) -> None:
    receipt = await house.ductape.processor.job.dispatch(await house.example())
    assert receipt == {
        "job_id": receipt["job_id"],
        "status": "scheduled",
        "scheduled_at": _ms(TEN),
        "recurring": True,
        "next_run_at": _ms(TEN),
        "warnings": [],
    }


async def test_the_job_shows_what_the_example_asked_for(house: House) -> None:
    receipt = await house.ductape.processor.job.dispatch(await house.example())
    job = await house.ductape.jobs.get(receipt["job_id"])
    shown = {
        name: job[name]
        for name in ("product", "env", "event", "kind", "input", "cache", "cron", "tz", "limit")
    }
    assert shown == {
        "product": "my-product",
        "env": "prd",
        "event": "send_notification",
        "kind": "notification",
        "input": SEED_EXAMPLE["input"],
        "cache": "notify-user-123",
        "cron": "0 10 * * *",
        "tz": "Europe/Amsterdam",
        "limit": 30,
    }
    assert (job["session_tag"], job["session_user"]) == ("user-session", "usr_1")


async def _ran_once(house: House, job_id: str) -> None:
    """Wait until it has run; `wait` would wait for the next day's run where this one is over."""
    async with asyncio.timeout(10):
        async for job in house.ductape.jobs.watch(job_id):
            if job["execution_count"] == 1:
                return


async def test_after_its_first_run_the_job_waits_for_the_next_day(house: House) -> None:
    receipt = await house.ductape.processor.job.dispatch(await house.example())
    await _ran_once(house, receipt["job_id"])
    job = await house.ductape.jobs.get(receipt["job_id"])
    assert (job["status"], job["execution_count"]) == ("scheduled", 1)
    assert job["next_run_at"] == _ms(TEN + timedelta(days=1))


async def test_no_run_starts_before_ten(house: House) -> None:
    receipt = await house.ductape.processor.job.dispatch(await house.example())
    await _ran_once(house, receipt["job_id"])
    (run,) = (await house.ductape.jobs.history(receipt["job_id"]))["executions"]
    assert run["scheduled_at"] == _ms(TEN)
    assert run["started_at"] is not None
    assert run["started_at"] >= _ms(TEN)


async def test_an_equal_push_within_the_caches_expiry_is_not_sent_again(any_house: House) -> None:
    once = await any_house.example(without="repeat")
    first = await any_house.ductape.processor.job.schedule(once, timeout=10)
    receipt = await any_house.ductape.processor.job.dispatch(once)
    assert await any_house.ductape.processor.job.wait(receipt["job_id"], timeout=10) == first
    assert (await any_house.ductape.jobs.get(receipt["job_id"]))["cached"] is True
    assert any_house.pushes() == [PUSH]


async def test_scheduled_again_it_is_the_same_job(any_house: House) -> None:
    first = await any_house.ductape.processor.job.dispatch(await any_house.example())
    again = await any_house.ductape.processor.job.dispatch(await any_house.example())
    assert again["job_id"] == first["job_id"]


async def test_neither_token_nor_session_data_stands_in_the_store(house: House) -> None:
    example = await house.example()
    await house.ductape.processor.job.dispatch(example)
    stored = b"".join(path.read_bytes() for path in house.folder.glob("jobs.db*") if path.is_file())
    assert b"order_update" in stored
    session = example["session"]
    assert isinstance(session, dict)
    assert session["token"].encode() not in stored
    assert EMAIL.encode() not in stored


async def test_without_a_live_token_nothing_is_stored(any_house: House) -> None:
    with pytest.raises(dt.SessionInvalid):
        await any_house.ductape.processor.job.dispatch(SEED_EXAMPLE)
    assert list(await any_house.ductape.jobs.list()) == []


async def test_the_seeds_injection_takes_the_sessions_values(any_house: House) -> None:
    token = await any_house.session("details", {"id": "usr_1", "email": EMAIL})
    res = await any_house.ductape.processor.job.schedule(
        {
            **SEED_EXAMPLE,
            "event": "echo",
            "input": {"userId": "$Session{details}{id}", "email": "$Session{details}{email}"},
            "session": {"tag": "details", "token": token},
            "repeat": {},
        },
        timeout=10,
    )
    assert res == {"userId": "usr_1", "email": EMAIL}


def test_its_next_instants_keep_to_the_wall_clock_through_summer_time() -> None:
    after = datetime(2026, 3, 27, 12, tzinfo=UTC)
    found = dt.preview(SEED_EXAMPLE["repeat"], after=after, n=3)
    assert found == [
        datetime(2026, 3, 28, 9, tzinfo=UTC),
        datetime(2026, 3, 29, 8, tzinfo=UTC),
        datetime(2026, 3, 30, 8, tzinfo=UTC),
    ]


def test_its_limit_ends_it_after_thirty_instants() -> None:
    found = dt.preview(SEED_EXAMPLE["repeat"], after=TEN, n=100)
    assert len(found) == 30


def test_the_demo_schedules_it_word_for_word() -> None:
    token = SEED_EXAMPLE["session"]["token"]
    assert seed_example(token) == SEED_EXAMPLE


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1_000)
