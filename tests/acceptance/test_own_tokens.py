"""A team's own signed JWT is a session, where the product says whom to trust (SPEC 6)."""

import time

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from ductape import Ductape, Handlers, NotFound
from ductape.errors import SessionInvalid

KEY = "a-shared-key-of-at-least-32-bytes!"
PRODUCT = {
    "tag": "shop",
    "envs": [{"slug": "dev"}],
    "sessions": [
        {
            "tag": "login",
            "schema": {"sub": "ada"},
            "selector": "$Session{sub}",
            "expiry": 1,
            "period": "hours",
            "verify": {"alg": "HS256", "key": "$Secret{jwt_key}"},
        }
    ],
}
JOB = {
    "product_tag": "shop",
    "env": "dev",
    "event": "whoami",
    "input": {"user": "$Session{login}{sub}"},
    "start_at": 0,
}


@pytest.fixture
def handlers() -> Handlers:
    registry = Handlers()

    @registry.job("whoami")
    async def whoami(given: dict[str, str]) -> str:
        return given["user"]

    return registry


def signed(key: str) -> dict[str, object]:
    claims = {"sub": "ada", "exp": int(time.time()) + 600}
    token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(key))
    return {**JOB, "session": {"tag": "login", "token": token}}


async def test_a_token_signed_with_the_products_secret_opens_its_claims(
    store: str, handlers: Handlers
) -> None:
    async with Ductape.open(store, handlers=handlers, worker=True) as ductape:
        applied = await ductape.products.apply(PRODUCT)
        assert "jwt_key" in applied["warnings"][0]
        with pytest.raises(NotFound, match="jwt_key"):
            await ductape.processor.job.dispatch(signed(KEY))
        await ductape.secrets.set("jwt_key", KEY, product="shop")
        assert await ductape.processor.job.schedule(signed(KEY), timeout=10) == "ada"
        (job,) = await ductape.jobs.list(session_tag="login", session_user="ada")
        assert KEY not in str(job)


async def test_a_token_signed_by_another_is_refused(store: str, handlers: Handlers) -> None:
    async with Ductape.open(store, handlers=handlers, worker=True) as ductape:
        await ductape.products.apply(PRODUCT)
        await ductape.secrets.set("jwt_key", KEY, product="shop")
        with pytest.raises(SessionInvalid):
            await ductape.processor.job.dispatch(signed(KEY[::-1]))
        assert await ductape.jobs.list() == []
