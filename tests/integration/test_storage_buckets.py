"""Storages in buckets, against servers that speak S3 and Azure (SPEC 9, row `storage`).

moto keeps what it is told; rclone and Azurite check who signed what. Where Azurite was not
installed, what is asked of Azure is left out, and says so.
"""

from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from ductape.domain.jsonvalue import JsonObject
from ductape.errors import ProviderError, ResultTooLarge
from tests.integration.storing import Stored, as_base64, stored
from tests.servers.buckets import (
    BucketServer,
    azurite_program,
    azurite_server,
    moto_server,
    rclone_server,
)

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
MIB = 1_048_576

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, BucketServer]]:
    with ExitStack() as running:
        found = {
            "moto": running.enter_context(moto_server()),
            "rclone": running.enter_context(rclone_server()),
        }
        if (program := azurite_program()) is not None:
            found["azurite"] = running.enter_context(azurite_server(program))
        yield found


@pytest.fixture(params=["moto", "rclone", "azurite"])
async def bucket(
    request: pytest.FixtureRequest, servers: dict[str, BucketServer], tmp_path: Path
) -> AsyncIterator[Stored]:
    if request.param not in servers:
        pytest.skip("Azurite is not installed: `python -m tests.servers.from_npm` installs it")
    definition = {**servers[request.param].definition, "prefix": request.node.name[:40].strip("[]")}
    async with stored(definition, tmp_path) as one:
        yield one


async def test_a_file_goes_there_and_comes_back(bucket: Stored) -> None:
    put = await bucket.upload("a/b ü+%?#.png", PNG)
    assert put["size"] == len(PNG)
    assert (put["mimeType"], put["fileName"]) == ("image/png", "a/b ü+%?#.png")
    got = await bucket.download("a/b ü+%?#.png")
    assert b64decode(str(got["buffer"])) == PNG
    assert (got["mimeType"], got["size"], got["etag"]) == ("image/png", len(PNG), put["etag"])


async def test_an_empty_file_is_a_file(bucket: Stored) -> None:
    put = await bucket.upload("empty", b"")
    assert (put["size"], put["mimeType"]) == (0, "application/octet-stream")
    found = await bucket.act({"operation": "exists", "fileName": "empty"})
    assert (found["exists"], found["size"]) == (True, 0)
    assert (await bucket.download("empty"))["buffer"] == ""


async def test_the_same_name_again_is_the_same_file_with_other_content(bucket: Stored) -> None:
    first = await bucket.upload("report.txt", b"draft")
    again = await bucket.upload("report.txt", b"draft")
    second = await bucket.upload("report.txt", b"final!")
    assert (first["url"], first["size"]) == (again["url"], again["size"])
    assert b64decode(str((await bucket.download("report.txt"))["buffer"])) == b"final!"
    assert second["etag"] != first["etag"]
    assert await bucket.names() == ["report.txt"]


async def test_whether_a_file_is_there(bucket: Stored) -> None:
    await bucket.upload("is.txt", b"here", mimeType="text/x-own")
    found = await bucket.act({"operation": "exists", "fileName": "is.txt"})
    assert found == {
        "exists": True,
        "url": found["url"],
        "fileName": "is.txt",
        "size": 4,
        "mimeType": "text/x-own",
        "etag": found["etag"],
    }
    missing = await bucket.act({"operation": "exists", "fileName": "is/not.txt"})
    assert missing == {"exists": False, "fileName": "is/not.txt"}


async def test_what_is_deleted_is_gone_and_deleting_it_again_changes_nothing(
    bucket: Stored,
) -> None:
    await bucket.upload("gone.txt", b"x")
    asked: JsonObject = {"operation": "delete", "fileName": "gone.txt"}
    assert await bucket.act(asked) == {"fileName": "gone.txt", "deleted": True}
    assert await bucket.act(asked) == {"fileName": "gone.txt", "deleted": True}
    assert (await bucket.refused({**asked, "operation": "download"})).code == "NOT_FOUND"


async def test_a_listing_comes_in_pages_and_shows_its_own_folder_only(bucket: Stored) -> None:
    for name in ("b/2", "a", "b/1", "bb", "c"):
        await bucket.upload(name, b"x")
    assert await bucket.names() == ["a", "b/1", "b/2", "bb", "c"]
    assert await bucket.names(prefix="b/") == ["b/1", "b/2"]
    seen: list[object] = []
    cursor: JsonObject = {}
    while True:
        page = await bucket.act({"operation": "list", "limit": 2, **cursor})
        seen.append(page["count"])
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert seen == [2, 2, 1]


async def test_a_large_file_of_this_host_goes_in_parts(bucket: Stored, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(b"".join(bytes([at]) * MIB for at in range(20)))
    put = await bucket.act({"fileName": "large.bin", "file": str(large)})
    assert put["size"] == 20 * MIB
    signed = await bucket.act({"operation": "sign", "fileName": "large.bin"})
    async with aiohttp.ClientSession() as client, client.get(str(signed["url"])) as answer:
        assert await answer.read() == large.read_bytes()


async def test_a_file_that_a_result_cannot_hold_is_refused_before_it_is_read(
    bucket: Stored, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(b"x" * MIB)
    await bucket.act({"fileName": "large.bin", "file": str(large)})
    with pytest.raises(ResultTooLarge, match=r"large\.bin"):
        await bucket.download("large.bin")


async def test_a_signed_url_lets_its_bearer_in_for_a_while(bucket: Stored) -> None:
    asked: JsonObject = {"operation": "sign", "fileName": "open.txt", "expiry": 60_000}
    write = await bucket.act({**asked, "method": "PUT"})
    read = await bucket.act(asked)
    headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "text/plain"}
    async with aiohttp.ClientSession() as client:
        async with client.put(str(write["url"]), data=b"by hand", headers=headers) as answer:
            assert answer.status in (200, 201), await answer.text()
        async with client.get(str(read["url"])) as answer:
            assert await answer.read() == b"by hand"
    assert read["expires_at"] == 1_800_000_060_000


@pytest.mark.parametrize("name", ["a b.txt", "ü/語.txt", "a%20b", "a+b", "a#b?c&d=e", "a'(!)*,;b"])
async def test_a_signed_url_is_good_for_any_name(bucket: Stored, name: str) -> None:
    await bucket.upload(name, b"hello")
    signed = await bucket.act({"operation": "sign", "fileName": name, "expiry": 60_000})
    url = URL(str(signed["url"]), encoded=True)
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        assert (answer.status, await answer.read()) == (200, b"hello")


async def test_a_bucket_that_is_not_there_is_not_found(bucket: Stored) -> None:
    for given in (
        {"fileName": "a", "buffer": "YQ=="},
        {"operation": "download", "fileName": "a"},
        {"operation": "exists", "fileName": "a"},
        {"operation": "list"},
    ):
        error = await bucket.refused(given, bucket="nowhere-to-be-found")
        assert error.code == "NOT_FOUND", given


WRONG: JsonObject = {
    "secret_access_key": "not-the-secret-key-at-all",
    "account_key": as_base64(b"not the account's key"),
}


@pytest.mark.parametrize("bucket", ["rclone", "azurite"], indirect=True)
async def test_wrong_keys_are_unauthorized_and_stay_secret(bucket: Stored) -> None:
    wrong = {key: value for key, value in WRONG.items() if key in bucket.definition}
    for given in (
        {"fileName": "a", "buffer": "YQ=="},
        {"operation": "download", "fileName": "a"},
        {"operation": "exists", "fileName": "a"},
        {"operation": "delete", "fileName": "a"},
        {"operation": "list"},
    ):
        error = await bucket.refused(given, **wrong)
        assert error.code == "UNAUTHORIZED", given
        assert_keeps_secrets(error, bucket.definition | wrong)


def assert_keeps_secrets(error: ProviderError, definition: JsonObject) -> None:
    """Look for credentials in everything that an error says, its causes included."""
    told = f"{error!r} {error.details} {error.hint} {error.__cause__!r}"
    for key in ("access_key_id", "secret_access_key", "account_key"):
        assert str(definition.get(key, "nothing")) not in told
    assert "ignature=" not in told
    assert error.__suppress_context__


@pytest.mark.parametrize("bucket", ["azurite"], indirect=True)
async def test_azures_environment_says_nothing(
    bucket: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AZURE_STORAGE_ACCOUNT_NAME": "somebody",
        "AZURE_STORAGE_ACCOUNT_KEY": as_base64(b"somebody else's"),
        "AZURE_STORAGE_SAS_KEY": "sv=1&sig=else",
        "AZURE_STORAGE_TOKEN": "else",
        "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:1",
        "AZURE_SKIP_SIGNATURE": "true",
        "AZURE_USE_FABRIC_ENDPOINT": "true",
    }.items():
        monkeypatch.setenv(name, value)
    await bucket.upload("own.txt", b"x")
    assert await bucket.names() == ["own.txt"]
