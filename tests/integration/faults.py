"""What a server may do wrong, for tests of what calls it."""

from aiohttp import web


async def cut_off(request: web.Request) -> web.StreamResponse:
    """Begin an answer and break off in the middle."""
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b'{"begun": ')
    assert request.transport is not None
    request.transport.abort()
    return answer


def huge() -> web.Response:
    """Answer with more than any call reads by default."""
    return web.Response(body=b"x" * 2_000_000)


def limited(seconds: int = 7) -> web.Response:
    """Ask for patience."""
    return web.Response(status=429, headers={"Retry-After": str(seconds)}, text="slow down")
