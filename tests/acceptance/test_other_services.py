"""From a product document to a recorded result: OAuth2 apps, FCM, SMS, cloud functions (SPEC 9)."""

import asyncio
import json

import pytest
from aiohttp import web

from ductape import Ductape, JobFailed, NotFound, ValidationError
from tests.servers.fcm import fcm_error, fcm_service
from tests.servers.functions import AWS_ID, AWS_SECRET, REGION, google_function, lambda_service
from tests.servers.http import http_receiver
from tests.servers.sms import ACCOUNT, SECRET, sms_service
from tests.servers.tokens import CLIENT, key_file, token_url

ENVS = [{"slug": "dev", "allow_private": True, "locale": "nl"}]
CALL = {"product_tag": "shop", "env": "dev", "start_at": 0}
ADA = "+31612345678"


def an_app(url: str, auth: dict[str, object]) -> dict[str, object]:
    action = {"tag": "order", "method": "POST", "resource": "/orders", "auth": "main"}
    base = {"tag": "main", "type": "oauth2", "client_id": CLIENT[0]}
    envs = [{"slug": "dev", "base_url": url}]
    return {"tag": "crm", "envs": envs, "auths": [base | auth], "actions": [action]}


async def test_an_app_is_called_with_an_oauth2_token(store: str) -> None:
    async with token_url() as tokens, google_function(tokens) as crm:
        auth: dict[str, object] = {
            "token_url": tokens.token_url,
            "client_secret": "$Secret{crm_secret}",
            "scope": "orders",
        }
        product = {"tag": "shop", "envs": ENVS, "apps": [an_app(crm.url, auth)]}
        async with Ductape.open(store, worker=True) as ductape:
            await ductape.secrets.set("crm_secret", CLIENT[1], product="shop")
            await ductape.products.apply(product)
            order = {**CALL, "app": "crm", "event": "order", "input": {"body": {"sku": "A-1"}}}
            result = await ductape.processor.job.schedule(order)
            assert isinstance(result, dict)
            assert (result["status"], result["body"]) == (200, {"ok": True})
            crm.answers = [web.Response(status=401, text=f"no token-{at}") for at in (1, 2)]
            with pytest.raises(JobFailed) as caught:
                await ductape.processor.job.schedule({**order, "retries": 3})
            shown = json.dumps(await ductape.jobs.get(caught.value.job_id))
    assert caught.value.error["code"] == "UNAUTHORIZED"
    assert len(caught.value.attempts) == 1
    assert "token-1" not in shown
    assert "token-2" not in shown
    assert [one.headers["authorization"] for one in crm.requests] == [
        "Bearer token-1",
        "Bearer token-1",
        "Bearer token-2",
    ]


async def test_a_slow_token_url_costs_no_more_than_the_attempts_time(store: str) -> None:
    asked, released = asyncio.Event(), asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        asked.set()
        await released.wait()
        return web.Response()

    async with token_url() as tokens, google_function(tokens) as crm:
        auth: dict[str, object] = {
            "token_url": tokens.token_url,
            "client_secret": "$Secret{crm_secret}",
        }
        product = {"tag": "shop", "envs": ENVS, "apps": [an_app(crm.url, auth)]}
        tokens.answers = [wait]
        async with Ductape.open(store, worker=True) as ductape:
            await ductape.secrets.set("crm_secret", CLIENT[1], product="shop")
            await ductape.products.apply(product)
            order = {**CALL, "event": "order", "input": {}}
            with pytest.raises(JobFailed) as caught:
                await ductape.processor.job.schedule({**order, "timeout": 1_000})
            assert caught.value.error["code"] == "TIMEOUT"
            assert asked.is_set()
            released.set()
            result = await ductape.processor.job.schedule(order)
    assert isinstance(result, dict)
    assert result["status"] == 200


async def test_a_rotated_refresh_token_outlives_the_process(store: str) -> None:
    async with token_url() as tokens, google_function(tokens) as crm:
        tokens.rotates = True
        auth: dict[str, object] = {
            "grant": "refresh_token",
            "token_url": tokens.token_url,
            "client_secret": "$Secret{crm_secret}",
            "refresh_token": "$Secret{crm_refresh}",
        }
        product = {"tag": "shop", "envs": ENVS, "apps": [an_app(crm.url, auth)]}
        order = {"product_tag": "shop", "env": "dev", "event": "order", "input": {}}
        async with Ductape.open(store, worker=False) as ductape:
            await ductape.secrets.set("crm_secret", CLIENT[1], product="shop")
            await ductape.secrets.set("crm_refresh", "refresh-0", product="shop")
            await ductape.products.apply(product)
            await ductape.processor.action.run(order)
        for _ in range(2):
            async with Ductape.open(store, worker=False) as ductape:
                await ductape.processor.action.run(order)
                names = await ductape.secrets.list(product="shop")
    assert [one["name"] for one in names] == ["crm_refresh", "crm_secret"]
    assert [one.headers["authorization"] for one in crm.requests] == [
        "Bearer token-1",
        "Bearer token-2",
        "Bearer token-3",
    ]
    assert tokens.refresh == {"refresh-3"}


async def test_a_notification_goes_by_fcm_and_by_sms(store: str) -> None:
    async with (
        token_url() as tokens,
        fcm_service(tokens) as fcm,
        sms_service("twilio") as twilio,
        Ductape.open(store, worker=True) as ductape,
    ):
        await ductape.secrets.set("firebase", key_file(tokens.token_url), product="shop")
        await ductape.secrets.set("twilio", SECRET, product="shop")
        sms = {"type": "twilio", "url": twilio.url, "sender": "+14155550100"}
        notification = {
            "tag": "orders",
            "push_notification": {
                "type": "fcm",
                "url": fcm.url,
                "project_id": "project-1",
                "service_account": "$Secret{firebase}",
            },
            "envs": [
                {
                    "slug": "dev",
                    "sms": sms | {"account_sid": ACCOUNT, "auth_token": "$Secret{twilio}"},
                }
            ],
            "messages": [{"tag": "shipped", "sms": {"body": {"nl": "Onderweg: {{number}}"}}}],
        }
        await ductape.products.apply({"tag": "shop", "envs": ENVS, "notifications": [notification]})
        given = {
            "push_notification": {"device_token": "d", "title": "Hi", "data": {"number": 7}},
            "sms": {"to": ADA, "body": {"number": "12345"}},
        }
        send = {**CALL, "event": "orders:shipped", "input": given}
        # The push fails once; the retry sends it alone.
        fcm.answers = [fcm_error(503, "UNAVAILABLE", "UNAVAILABLE")]
        fast = {"initialDelay": 1, "jitter": False}
        result = await ductape.processor.job.schedule({**send, "retries": 1, "retryConfig": fast})
        assert result == {
            "push_notification": {"status": "sent", "provider_id": "projects/p/messages/2"},
            "sms": {"status": "sent", "provider_id": "SM1"},
        }
        assert twilio.texts == [(ADA, "Onderweg: 12345")]
        # What an answer echoes of a token is masked wherever it is kept.
        body = {"error": {"message": "no token-1 for d", "status": "NOT_FOUND"}}
        fcm.answers = [web.json_response(body, status=404)]
        with pytest.raises(JobFailed) as caught:
            await ductape.processor.job.schedule(send)
        shown = json.dumps(await ductape.jobs.get(caught.value.job_id))
    assert caught.value.error["code"] == "NOT_FOUND"
    assert "token-1" not in shown
    assert "PRIVATE" not in shown


async def test_cloud_functions_are_called_in_each_envs_own_way(store: str) -> None:
    async with (
        token_url() as tokens,
        google_function(tokens) as google,
        lambda_service() as aws,
        http_receiver() as plain,
        Ductape.open(store, worker=True) as ductape,
    ):
        for name, value in {
            "aws": AWS_SECRET,
            "google": key_file(tokens.token_url),
            "token": "t0ken-s3cret",
        }.items():
            await ductape.secrets.set(name, value, product="shop")
        signed = {"type": "aws", "access_key_id": AWS_ID, "region": REGION}
        function = {
            "tag": "resize",
            "input": {"width": {"type": "INTEGER"}},
            "url": plain.url,
            "auth": {"type": "bearer", "token": "$Secret{token}"},
            "headers": {"X-A": "base", "X-B": "base"},
            "envs": [
                {
                    "slug": "aws",
                    "url": f"{aws.url}/2015-03-31/functions/resize/invocations",
                    "auth": signed | {"secret_access_key": "$Secret{aws}"},
                    "headers": {"X-A": "aws"},
                },
                {
                    "slug": "google",
                    "url": google.url,
                    "auth": {"type": "google", "service_account": "$Secret{google}"},
                },
            ],
        }
        slugs = ("dev", "aws", "google")
        envs = [{"slug": slug, "allow_private": True} for slug in slugs]
        await ductape.products.apply({"tag": "shop", "envs": envs, "functions": [function]})
        for slug in slugs:
            call = {**CALL, "env": slug, "event": "resize", "input": {"payload": {"width": 7}}}
            assert await ductape.processor.job.schedule(call) == {"ok": True}
        with pytest.raises(ValidationError) as caught:
            await ductape.processor.job.schedule(
                {**CALL, "event": "resize", "input": {"payload": {"width": "7"}}}
            )
        (job, *_) = await ductape.jobs.list(kind="function")
    assert [one["path"] for one in caught.value.errors] == ["input.payload.width"]
    assert job["status"] == "completed"
    assert plain.only().headers["authorization"] == "Bearer t0ken-s3cret"
    assert (aws.only().headers["x-a"], aws.only().headers["x-b"]) == ("aws", "base")
    assert google.only().body == b'{"width":7}'


async def test_a_function_that_is_not_in_an_env_is_not_found(store: str) -> None:
    function = {"tag": "f", "envs": [{"slug": "prd", "url": "https://f.example"}]}
    envs = [{"slug": "dev"}, {"slug": "prd"}]
    async with Ductape.open(store, worker=False) as ductape:
        await ductape.products.apply({"tag": "shop", "envs": envs, "functions": [function]})
        with pytest.raises(NotFound, match="env of function `f`"):
            await ductape.processor.job.dispatch({**CALL, "event": "f", "input": {}})
        receipt = await ductape.processor.job.dispatch(
            {**CALL, "env": "prd", "event": "f", "input": {}}
        )
    assert receipt["status"] == "queued"
