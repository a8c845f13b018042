"""Files that a Postman collection has in itself, imported and called."""

from base64 import b64encode
from pathlib import Path

from ductape.domain.jsonvalue import JsonObject
from tests.integration.test_imported_collections import here, imported

FILE: JsonObject = {"mode": "file", "file": {"src": "/home/me/a.csv", "content": "a;b\n"}}


async def test_a_collections_own_file_is_sent_unless_the_caller_gives_one(tmp_path: Path) -> None:
    async with imported(tmp_path, here(body=FILE)) as caller:
        seen = await caller.call()
        assert (seen.body, seen.headers["content-type"]) == (b"a;b\n", "text/csv")
        for name in ("buffer", "blob"):
            own: JsonObject = {name: b64encode(b"\x00own").decode(), "mimeType": "image/x-own"}
            seen = await caller.call(given={"body": own})
            assert (seen.body, seen.headers["content-type"]) == (b"\x00own", "image/x-own")
