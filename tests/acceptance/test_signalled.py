"""Who takes signals: whatever runs a feature, and nobody else (SPEC 9), on both stores."""

from collections.abc import AsyncIterator

import pytest

from ductape import Ductape, FeatureContext, Handlers, ValidationError
from ductape.domain.jsonvalue import JsonObject

handlers = Handlers()
PATIENCE_S = 20


@handlers.job("plain")
async def plain() -> str:
    return "done"


@handlers.feature("written")
async def written(ctx: FeatureContext) -> object:
    return await ctx.signal("go")


WAIT: JsonObject = {"type": "wait", "event": "go", "tag": "go"}
OPTION: JsonObject = {"type": "feature", "event": "declared"}
PRODUCT: JsonObject = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "features": [
        {
            "tag": "declared",
            "sequence": [{"tag": "main", "events": [WAIT]}],
            "output": "$Sequence{main}{go}",
        }
    ],
    "jobs": [
        {"tag": "pointing", "event_type": "feature", "event_tag": "declared"},
        {"tag": "elsewhere", "event_type": "job", "event_tag": "plain"},
    ],
    "fallbacks": [
        {"tag": "somehow", "options": [OPTION]},
        {"tag": "otherwise", "options": [{"type": "job", "event": "plain"}]},
    ],
    "quotas": [
        {"tag": "spread", "options": [{**OPTION, "weight": 1}]},
        {"tag": "counted", "limit": 5, "period": "hour"},
    ],
}


@pytest.fixture
async def ductape(store: str) -> AsyncIterator[Ductape]:
    async with Ductape.open(store, config={}, worker=True, handlers=handlers) as opened:
        await opened.products.apply(PRODUCT)
        yield opened


async def stored(ductape: Ductape, event: str, start_at: int = 0) -> str:
    job: JsonObject = {"product_tag": "shop", "env": "dev", "event": event, "input": {}}
    return (await ductape.processor.job.dispatch({**job, "start_at": start_at}))["job_id"]


@pytest.mark.parametrize("event", ["declared", "written", "pointing", "somehow", "spread"])
async def test_what_runs_a_feature_takes_signals(ductape: Ductape, event: str) -> None:
    job_id = await stored(ductape, event)
    assert (await ductape.features.signal(job_id, "go", {"by": "Ada"}))["changed"]
    assert "Ada" in str(await ductape.processor.job.wait(job_id, timeout=PATIENCE_S))
    assert not (await ductape.features.signal(job_id, "go"))["changed"]


@pytest.mark.parametrize("event", ["plain", "elsewhere", "otherwise", "counted"])
async def test_what_runs_none_refuses_them_over_or_not(ductape: Ductape, event: str) -> None:
    for start_at in (0, 4_000_000_000):
        job_id = await stored(ductape, event, start_at)
        with pytest.raises(ValidationError, match="a job that runs a feature"):
            await ductape.features.signal(job_id, "go")


async def test_what_runs_one_only_since_a_later_version_takes_them(ductape: Ductape) -> None:
    job_id = await stored(ductape, "otherwise", 4_000_000_000)
    options: JsonObject = {"tag": "otherwise", "options": [OPTION]}
    await ductape.products.apply({**PRODUCT, "fallbacks": [options]})
    assert (await ductape.features.signal(job_id, "go"))["changed"]
