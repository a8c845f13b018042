"""Features whose steps reach a real HTTP server: keys, retries, refusals, kinds around them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from ductape import Ductape, Handlers, JobFailed, ProviderError
from tests.servers.http import Receiver, http_receiver

Part = dict[str, object]


def a_product(url: str, *features: Part, **sections: object) -> Part:
    actions = [
        {"tag": tag, "method": "POST", "resource": f"/{tag}"} for tag in ("pay", "ship", "refund")
    ]
    app = {"tag": "partner", "envs": [{"slug": "dev", "base_url": url}], "actions": actions}
    envs = [{"slug": "dev", "allow_private": True}]
    return {"tag": "shop", "envs": envs, "apps": [app], "features": list(features), **sections}


def call(event: str, body: Part | None = None, **parts: object) -> Part:
    return {
        "event": event,
        "type": "action",
        "app": "partner",
        "input": {"body": body or {}},
        **parts,
    }


def an_order(*events: Part, **parts: object) -> Part:
    return {"tag": "order", "sequence": [{"tag": "main", "events": list(events)}], **parts}


def a_job(event: str = "order", **given: object) -> Part:
    return {"product_tag": "shop", "env": "dev", "event": event, "start_at": 0, "input": given}


@pytest.fixture
async def partner() -> AsyncIterator[Receiver]:
    async with http_receiver() as receiver:
        yield receiver


@pytest.fixture
async def ductape(tmp_path: Path) -> AsyncIterator[Ductape]:
    handlers = Handlers()

    @handlers.job("fail")
    async def fail() -> None:
        raise ProviderError("SERVICE_UNAVAILABLE", "not today")

    async with Ductape.open(f"sqlite:///{tmp_path / 'a.db'}", config={}, handlers=handlers) as here:
        yield here


async def test_an_answer_goes_into_the_next_request_under_a_key_of_its_own(
    ductape: Ductape, partner: Receiver
) -> None:
    partner.answers.append(web.json_response({"id": 7, "by": "card"}, status=201))
    payment = {"payment": "$Sequence{main}{pay}{body}{id}", "to": "$Input{to}"}
    feature = an_order(call("pay"), call("ship", payment), output="$Sequence{main}{ship}{status}")
    await ductape.products.apply(a_product(partner.url, feature))
    job_id = (await ductape.processor.job.dispatch(a_job(to="Utrecht")))["job_id"]
    assert await ductape.processor.job.wait(job_id, timeout=20) == 200
    assert partner.requests[1].body == b'{"payment":7,"to":"Utrecht"}'
    keys = [request.headers["idempotency-key"] for request in partner.requests]
    assert keys == [f"{job_id}:1:main.pay", f"{job_id}:1:main.ship"]


async def test_a_busy_partner_is_asked_again_with_the_same_key(
    ductape: Ductape, partner: Receiver
) -> None:
    busy = web.Response(status=429, headers={"Retry-After": "1"})
    partner.answers += [busy, web.json_response({"ok": 1})]
    await ductape.products.apply(a_product(partner.url, an_order(call("pay", retries=1))))
    await ductape.processor.job.schedule(a_job(), timeout=20)
    assert len({request.headers["idempotency-key"] for request in partner.requests}) == 1
    assert len(partner.requests) == 2


async def test_a_refusal_is_not_repeated_and_undoes_what_was_done(
    ductape: Ductape, partner: Receiver
) -> None:
    partner.answers += [web.json_response({"id": 7}), web.Response(status=401)]
    undo = {
        "event": "refund",
        "app": "partner",
        "input": {"body": {"payment": "$Sequence{main}{pay}{body}{id}"}},
    }
    feature = an_order(call("pay", rollback=undo), call("ship", retries=5))
    await ductape.products.apply(a_product(partner.url, feature))
    with pytest.raises(JobFailed) as caught:
        await ductape.processor.job.schedule(a_job(), timeout=20)
    assert caught.value.error["code"] == "UNAUTHORIZED"
    assert [request.path for request in partner.requests] == ["/pay", "/ship", "/refund"]
    assert partner.requests[2].body == b'{"payment":7}'


async def test_a_fallback_is_a_step_and_a_feature_is_an_option(
    ductape: Ductape, partner: Receiver
) -> None:
    inner = {"tag": "inner", "sequence": [{"tag": "in", "events": [call("ship")]}]}
    options = [
        {"type": "job", "event": "fail"},
        {"type": "feature", "event": "inner", "output": {"shipped": "$Response{in}{ship}{status}"}},
    ]
    fallback = {"tag": "somehow", "options": options}
    feature = an_order({"event": "somehow"}, output="$Sequence{main}{somehow}{shipped}")
    await ductape.products.apply(a_product(partner.url, feature, inner, fallbacks=[fallback]))
    job_id = (await ductape.processor.job.dispatch(a_job()))["job_id"]
    assert await ductape.processor.job.wait(job_id, timeout=20) == 200
    paths = [step["path"] for step in await ductape.jobs.steps(job_id)]
    tried = "main.somehow/fallback.somehow"
    assert paths == ["main.somehow", f"{tried}.fail", f"{tried}.inner", f"{tried}.inner/in.ship"]


async def test_a_job_may_point_at_a_feature(ductape: Ductape, partner: Receiver) -> None:
    pause = {"tag": "pause", "type": "sleep", "input": {"ms": 700}}
    pointing = {"tag": "points", "event_type": "feature", "event_tag": "order"}
    product = a_product(partner.url, an_order(call("pay"), pause, call("ship")), jobs=[pointing])
    await ductape.products.apply(product)
    await ductape.processor.job.schedule(a_job("points"), timeout=20)
    assert [request.path for request in partner.requests] == ["/pay", "/ship"]
