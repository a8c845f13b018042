"""What a further attempt finds done: it counts nothing again, and calls nobody again (SPEC 9)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.outcome import Failure, StoredError, Success
from ductape.domain.request import JobEventTypes
from ductape.errors import ProviderError
from ductape.handlers.choosing import Around, FallbackHandler, QuotaHandler
from ductape.ports.handler import Handler
from ductape.ports.invoke import Call
from ductape.stores.sqlite.store import SqliteStore, open_sqlite
from ductape.testing.entropy import SeededEntropy
from tests.builders import decide
from tests.unit.handlers.builders import FixedClock, NoEngine, an_invocation

SECRET = bytes(32)
CALLED: JsonObject = {"provider": "mailer", "kind": "job", "event": "send"}


@dataclass
class Remembering(NoEngine):
    """An engine whose memory outlives an attempt; each call has the next of its outcomes."""

    outcomes: list[Success | Failure] = field(default_factory=list[Success | Failure])
    calls: list[Call] = field(default_factory=list[Call])
    memory: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])

    def mapped(
        self, mapping: JsonValue, sources: Mapping[str, JsonObject], *, at_ms: int | None = None
    ) -> JsonValue:
        del sources, at_ms
        return mapping

    async def tried(self, call: Call) -> Success | Failure:
        self.calls.append(call)
        return self.outcomes.pop(0)

    def remembered(self, name: str) -> JsonValue:
        return self.memory.get(name)

    async def remember(self, name: str, value: JsonValue) -> bool:
        self.memory[name] = value
        return True


class NobodyIsIll:
    """What is asked about health where no option has a healthcheck."""

    async def ill(self, product: str, env: str, key: str) -> bool:
        raise AssertionError((product, env, key))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = open_sqlite(str(tmp_path / "a.db"), decide=decide, token="t")
    yield opened
    await opened.aclose()


@pytest.fixture
def around(store: SqliteStore) -> Around:
    return Around(store.breakers, NobodyIsIll(), FixedClock(), SeededEntropy(7))


def failing(code: str) -> Failure:
    return Failure(StoredError(code, "no", "ProviderError", 0))


async def attempt(handler: Handler, kind: JobEventTypes, engine: Remembering) -> JsonValue:
    """Run one attempt of a fallback or a quota with one option."""
    definition: JsonObject = {"tag": "mail", "options": [CALLED]}
    if kind is JobEventTypes.QUOTA:
        definition |= {"limit": 9, "period": "day", "per": ["user"]}
    invocation = an_invocation(kind, definition, {"user": "ada"}, engine=engine)
    target = replace(invocation.target, mappings={"options": [{"input": None}]})
    return await handler(replace(invocation, target=target))


async def test_a_fallback_that_was_answered_calls_nobody_again(around: Around) -> None:
    handler, engine = FallbackHandler(around), Remembering(outcomes=[Success({"id": 1})])
    first = await attempt(handler, JobEventTypes.FALLBACK, engine)
    again = await attempt(handler, JobEventTypes.FALLBACK, engine)
    assert first == again == {"id": 1, "provider": "mailer"}
    assert [call.path for call in engine.calls] == ["fallback.mail.mailer"]


async def test_a_fallback_that_failed_calls_again_under_the_same_path(around: Around) -> None:
    handler = FallbackHandler(around)
    engine = Remembering(outcomes=[failing("TIMEOUT"), Success({"id": 2})])
    with pytest.raises(ProviderError) as caught:
        await attempt(handler, JobEventTypes.FALLBACK, engine)
    assert caught.value.code == "TIMEOUT"
    assert await attempt(handler, JobEventTypes.FALLBACK, engine) == {
        "id": 2,
        "provider": "mailer",
    }
    assert len({call.path for call in engine.calls}) == 1


async def test_what_was_counted_is_not_counted_again(store: SqliteStore, around: Around) -> None:
    handler = QuotaHandler(store.quotas, around, ZoneInfo, SECRET)
    engine = Remembering(outcomes=[failing("TIMEOUT"), Success("sent")])
    with pytest.raises(ProviderError):
        await attempt(handler, JobEventTypes.QUOTA, engine)
    for _ in range(2):
        told = await attempt(handler, JobEventTypes.QUOTA, engine)
        assert isinstance(told, dict)
        assert (told["remaining"], told["result"]) == (8, "sent")
    assert len(engine.calls) == 2
    fresh = await attempt(handler, JobEventTypes.QUOTA, Remembering(outcomes=[Success("sent")]))
    assert isinstance(fresh, dict)
    assert fresh["remaining"] == 7


async def test_who_is_counted_cannot_be_read_in_the_store(
    store: SqliteStore, around: Around, tmp_path: Path
) -> None:
    handler = QuotaHandler(store.quotas, around, ZoneInfo, SECRET)
    definition: JsonObject = {"tag": "mail", "limit": 9, "period": "day", "per": ["user"]}
    given: JsonObject = {"user": "ada@example.org"}
    kind = JobEventTypes.QUOTA
    await handler(an_invocation(kind, definition, given, engine=Remembering()))
    await store.aclose()
    assert not any(b"ada@example" in each for each in contents(tmp_path))


def contents(folder: Path) -> list[bytes]:
    return [each.read_bytes() for each in folder.iterdir() if each.is_file()]
