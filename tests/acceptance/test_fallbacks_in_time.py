"""A fallback's options share the time of an attempt: none of them takes that of the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import cast

import pytest

from ductape import Ductape, Handlers, JobFailed
from ductape.domain.jsonvalue import JsonObject, JsonValue

MAIL: JsonObject = {"product_tag": "shop", "env": "dev", "event": "mail", "input": {}}


def an_option(event: str, **parts: JsonValue) -> JsonObject:
    return {"type": "job", "event": event, **parts}


@dataclass
class Shop:
    """Providers of every sort, and how often each was called."""

    ductape: Ductape
    called: dict[str, int] = field(default_factory=dict[str, int])

    async def mail(self, *options: JsonObject, timeout: int) -> JsonObject:
        """Try options in an attempt of so many ms."""
        document = {
            "tag": "shop",
            "envs": [{"slug": "dev"}],
            "fallbacks": [{"tag": "mail", "options": [*options]}],
        }
        await self.ductape.products.apply(document)
        asked = {**MAIL, "timeout": timeout}
        return cast("JsonObject", await self.ductape.processor.fallback.run(asked))


@pytest.fixture
async def shop(tmp_path: object) -> AsyncIterator[Shop]:
    handlers, called = Handlers(), dict[str, int]()

    @handlers.job("hanging")
    async def hanging() -> None:
        called["hanging"] = called.get("hanging", 0) + 1
        await asyncio.Event().wait()

    @handlers.job("failing")
    async def failing() -> None:
        called["failing"] = called.get("failing", 0) + 1
        raise RuntimeError("no")

    @handlers.job("slow")
    async def slow() -> str:
        await asyncio.sleep(0.9)
        return "slow"

    @handlers.job("well")
    async def well() -> str:
        return "well"

    async with AsyncExitStack() as stack:
        opening = Ductape.open(f"sqlite:///{tmp_path}/a.db", handlers=handlers, worker=False)
        yield Shop(await stack.enter_async_context(opening), called)


async def test_an_option_whose_time_out_is_too_long_leaves_time_for_the_others(shop: Shop) -> None:
    first = an_option("hanging", timeout=60_000)
    result = await shop.mail(first, an_option("well"), timeout=1_000)
    assert (result["provider"], result["output"]) == ("well", "well")
    (failure,) = cast("list[JsonObject]", result["failures"])
    assert failure["code"] == "TIMEOUT"


@pytest.mark.parametrize("timeout", [None, 150, 60_000])
async def test_the_retries_of_a_hanging_option_leave_time_for_the_others(
    shop: Shop, timeout: int | None
) -> None:
    parts: JsonObject = {} if timeout is None else {"timeout": timeout}
    first = an_option("hanging", retries=3, **parts)
    result = await shop.mail(first, an_option("well"), timeout=2_000)
    assert result["provider"] == "well"


async def test_the_retries_of_a_failing_option_leave_time_for_the_others(shop: Shop) -> None:
    first = an_option("failing", retries=1_000, breaker={"failures": 1_000})
    result = await shop.mail(first, an_option("well"), timeout=2_000)
    assert result["provider"] == "well"
    assert shop.called["failing"] > 1


async def test_an_option_may_take_what_the_time_outs_of_the_others_leave(shop: Shop) -> None:
    options = [an_option("slow", timeout=1_400), an_option("well", timeout=100)]
    result = await shop.mail(*options, timeout=1_600)
    assert result["provider"] == "slow"


async def test_the_last_option_s_time_out_is_told_with_the_reasons_of_all(shop: Shop) -> None:
    options = [an_option("failing"), an_option("hanging", timeout=60_000)]
    with pytest.raises(JobFailed) as caught:
        await shop.mail(*options, timeout=800)
    assert caught.value.error["code"] == "TIMEOUT"
    assert "failing: HANDLER_ERROR" in str(caught.value.error["message"])
