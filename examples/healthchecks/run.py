"""Watch a carrier fall ill and recover, and see what a fallback makes of it."""

import asyncio
from tempfile import TemporaryDirectory

from aiohttp import web

from ductape import Ductape, Handlers

handlers = Handlers()
SHIP = {"product_tag": "shop", "env": "dev", "event": "ship", "input": {}}


@handlers.function("by_bike")
def by_bike() -> dict[str, str]:
    """Ship without the carrier."""
    return {"way": "bike"}


def product(port: int) -> dict[str, object]:
    """Declare a carrier at a port, its healthcheck, and what to do without it."""
    actions = [
        {"tag": "ping", "method": "GET", "resource": "/ping"},
        {"tag": "send", "method": "POST", "resource": "/send"},
    ]
    carrier = {
        "type": "action",
        "app": "carrier",
        "event": "send",
        "output": {"way": "$Response{body}{way}"},
        "healthcheck": "carrier_is_up",
    }
    check = {"tag": "carrier_is_up", "app": "carrier", "event": "ping", "interval": 200}
    return {
        "tag": "shop",
        "envs": [{"slug": "dev", "allow_private": True}],
        "apps": [{"tag": "carrier", "base_url": f"http://127.0.0.1:{port}", "actions": actions}],
        "fallbacks": [
            {"tag": "ship", "options": [carrier, {"type": "function", "event": "by_bike"}]}
        ],
        "healthchecks": [check],
    }


class Carrier:
    """A server that is well until told otherwise."""

    def __init__(self) -> None:
        self.well = True

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a ping or a parcel."""
        if request.path == "/ping" and not self.well:
            return web.Response(status=503)
        return web.json_response({"way": "truck"})


async def until(ductape: Ductape, status: str) -> None:
    """Wait until the carrier is as it should be."""
    (check,) = (await ductape.health.status("carrier", "dev"))["checks"]
    async for _ in ductape.jobs.watch(check["job_id"] or ""):
        if (await ductape.health.status("carrier", "dev"))["status"] == status:
            return


async def main() -> None:
    """Let the carrier fall ill and recover."""
    carrier = Carrier()
    runner = web.AppRunner(web.Application(middlewares=[]), access_log=None)
    runner.app.router.add_route("*", "/{rest:.*}", carrier.answer)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        with TemporaryDirectory() as folder:
            async with Ductape.open(
                f"sqlite:///{folder}/jobs.db", handlers=handlers, worker=True
            ) as ductape:
                await ductape.products.apply(product(port))
                for well, status in ((True, "healthy"), (False, "unhealthy"), (True, "healthy")):
                    carrier.well = well
                    await until(ductape, status)
                    shipped = await ductape.processor.fallback.run(SHIP)
                    print(f"{status}: by {shipped['way']}")
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
