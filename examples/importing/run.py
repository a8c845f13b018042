"""Import an OpenAPI document, apply what was made, and call it: on this machine alone."""

import asyncio
import tempfile
from base64 import b64encode
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from ductape import Ductape

DOCUMENT = Path(__file__).with_name("tickets.yaml")


async def opened(request: web.Request) -> web.Response:
    """Answer as the tickets' API would."""
    who = request.headers["Authorization"]
    return web.json_response({"id": 7, "who": who, "ticket": await request.json()}, status=201)


async def attached(request: web.Request) -> web.Response:
    """Take a file, as the tickets' API would."""
    form = await request.post()
    match form["file"]:
        case web.FileField(filename=name, content_type=mime):
            return web.json_response({"note": form["note"], "file": name, "type": mime})
        case text:
            return web.json_response({"error": f"no file: {text}"}, status=400)


async def main() -> None:
    """Do it all in a store that is thrown away."""
    api = web.Application()
    api.router.add_post("/v1/tickets", opened)
    api.router.add_put("/v1/tickets/7", attached)
    async with TestServer(api) as server:
        with tempfile.TemporaryDirectory() as folder:
            await called(f"sqlite:///{folder}/jobs.db", str(server.make_url("/v1")))


async def called(store: str, url: str) -> None:
    """Import, apply, call."""
    async with Ductape.open(store) as ductape:
        made = await ductape.imports.openapi(
            DOCUMENT, product="desk", envs=["dev"], app="tickets", server=url
        )
        print(f"{made['actions']} actions of {made['format']}")
        for one in made["skipped"]:
            print(f"skipped {one['place']}: {one['reason']}")
        for one in made["secrets"]:
            await ductape.secrets.set(one["name"], "a-token", product="desk")
        await ductape.products.apply(made["document"])
        answer = await ductape.processor.action.run(
            {
                "product_tag": "desk",
                "env": "dev",
                "event": "tickets-open",
                "input": {"body": {"title": "It broke", "labels": ["urgent"]}},
            }
        )
        print(answer["status"], answer["body"])
        picture = {"buffer": b64encode(b"\x89PNG\r\n\x1a\n").decode(), "fileName": "broken.png"}
        answer = await ductape.processor.action.run(
            {
                "product_tag": "desk",
                "env": "dev",
                "event": "tickets-attach",
                "input": {"params": {"id": 7}, "body": {"file": picture, "note": "see here"}},
            }
        )
        print(answer["status"], answer["body"])


asyncio.run(main())
