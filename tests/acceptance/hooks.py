"""What the tests of webhooks share: a product that tells, and a receiver that checks signatures."""

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from aiohttp import web

from ductape import Handlers

SECRET = "whsec_" + b64encode(bytes(range(32))).decode()
FORMER = "whsec_" + b64encode(bytes(range(32, 64))).decode()
JOB = {"product_tag": "shop", "env": "dev", "event": "ship", "input": {"order": 7}, "start_at": 0}
AT_ONCE = {"product_tag": "shop", "env": "dev", "event": "total"}
REDIRECTED = 300
SECRET_REF = "$Secret{hook}"


def shop(address: str, **hook: object) -> dict[str, object]:
    """Make a product with one webhook, all of whose events go to a URL."""
    partner = {"tag": "partner", "url": address, "secret": "$Secret{hook}", **hook}
    return {
        "tag": "shop",
        "envs": [{"slug": "dev", "allow_private": True}, {"slug": "prd"}],
        "jobs": [
            {"tag": "ship", "handler": "python"},
            {"tag": "charge", "handler": "python", "sensitive": True},
        ],
        "functions": [{"tag": "total", "handler": "python"}],
        "webhooks": [partner],
    }


@dataclass
class Told:
    """A receiver that keeps what it was told, if the signature is right."""

    secrets: tuple[str, ...] = (SECRET,)
    bodies: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    ids: list[str] = field(default_factory=list[str])
    answers: list[web.Response] = field(default_factory=list[web.Response])
    """Used up one by one; then 204."""
    _taken: set[str] = field(default_factory=set[str])
    """Ids of what is known: a second time is no news, as for any receiver."""
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Check and keep a delivery; one that is refused by `answers` is not kept."""
        body = await request.read()
        if not is_signed(request.headers, body, self.secrets):
            return web.Response(status=401)
        answer = self.answers.pop(0) if self.answers else web.Response(status=204)
        known = request.headers["webhook-id"] in self._taken
        self.ids.append(request.headers["webhook-id"])
        if answer.status < REDIRECTED and not known:
            self._taken.add(request.headers["webhook-id"])
            self.bodies.append(json.loads(body))
        self._more.set()
        return answer

    @property
    def events(self) -> list[str]:
        """What was told, in order of arrival."""
        return [str(body["event"]) for body in self.bodies]

    async def until(self, *events: str) -> None:
        """Wait until these, and no others, were told, in whatever order."""
        await self._until(lambda: len(self.bodies) >= len(events))
        assert sorted(self.events) == sorted(events)

    async def once(self, event: str) -> None:
        """Wait until an event was told."""
        await self._until(lambda: event in self.events)

    async def _until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not enough():
                self._more.clear()
                await self._more.wait()

    def job(self, event: str) -> dict[str, object]:
        """Return the job that the first such event tells of."""
        body = next(body for body in self.bodies if body["event"] == event)
        job = body["job"]
        assert isinstance(job, dict)
        return job


def is_signed(headers: Mapping[str, str], body: bytes, secrets: tuple[str, ...]) -> bool:
    """Check a message as a receiver does, by nothing of ours."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    sent = headers["webhook-signature"].split(" ")
    keys = [b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    right = ["v1," + b64encode(hmac.new(k, content, sha256).digest()).decode() for k in keys]
    return any(hmac.compare_digest(one, each) for one in right for each in sent)


def handlers() -> Handlers:
    """Make handlers that do what their input says."""
    made = Handlers()

    @made.job("ship")
    async def ship(given: dict[str, object]) -> object:
        return await act(given)

    @made.job("charge")
    async def charge(given: dict[str, object]) -> object:
        return await act(given)

    @made.function("total")
    async def total(given: dict[str, object]) -> object:
        return given

    return made


async def act(given: dict[str, object]) -> object:
    """Fail or wait if asked to, else answer with the input."""
    if given.get("fails"):
        raise RuntimeError("out of stock")
    if given.get("waits"):
        await asyncio.Event().wait()
    if given.get("slow"):
        await asyncio.sleep(0.3)  # what is equal finds it running
    return {"shipped": given}
