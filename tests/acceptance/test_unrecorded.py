"""A crash between a provider's yes and its recording: what each kind promises, on real servers.

A worker in a process of its own is killed by SIGKILL where it would record. Another one takes the
run over, and asks again under the same idempotency key; what comes of that is looked up on the
server, by somebody else's client. `docs/explanation/guarantees.md` says what is proven here.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from redis.asyncio import Redis

from ductape import Ductape, JobFailed
from tests.acceptance.brokers import a_publish, product
from tests.acceptance.dying import LOST_ONCE, Where, a_job, after_a_death, applied, tries
from tests.acceptance.test_large_results import without_history
from tests.servers.buckets import BUCKET, moto_server, s3_client
from tests.servers.http import Receiver, expo_receiver, http_receiver
from tests.servers.nats import nats_server
from tests.servers.valkey import valkey


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


UPLOAD = {"buffer": b64encode(b"a receipt").decode(), "fileName": "2026/receipt.txt"}


async def test_a_file_that_is_uploaded_again_is_the_same_file_in_a_folder(
    store: str, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    await applied(store, storage=[{"tag": "files", "type": "local", "path": str(folder)}])
    inodes: list[int] = []

    async def look() -> None:
        inodes.append((folder / "2026/receipt.txt").stat().st_ino)

    view = await after_a_death(store, a_job("files", UPLOAD), between=look)
    assert tries(view) == LOST_ONCE
    assert (folder / "2026/receipt.txt").stat().st_ino not in inodes
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert [str(path.relative_to(folder)) for path in kept] == ["2026/receipt.txt"]
    assert kept[0].read_bytes() == b"a receipt"


async def test_a_file_that_is_uploaded_again_is_the_same_object_in_a_bucket(store: str) -> None:
    with moto_server() as bucket:
        looking = s3_client(bucket.port)
        kept = {"Status": "Enabled"}
        looking.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=kept)
        secrets = {"access_key_id": "$Secret{id}", "secret_access_key": "$Secret{key}"}
        await applied(store, storage=[{"tag": "files", **bucket.definition, **secrets}])
        await with_secrets(store, id="testing", key="testing")
        view = await after_a_death(store, a_job("files", UPLOAD))
        versions = looking.list_object_versions(Bucket=BUCKET)["Versions"]
        objects = looking.list_objects_v2(Bucket=BUCKET)["Contents"]
        looking.close()
    assert tries(view) == LOST_ONCE
    # The bucket keeps what was overwritten: it was sent twice, and both are alike.
    assert len(versions) == 2
    assert len({(one["Key"], one["ETag"]) for one in versions}) == 1
    assert [one["Key"] for one in objects] == ["2026/receipt.txt"]


async def test_a_large_result_s_file_goes_with_its_run_though_its_worker_died(
    store: str, tmp_path: Path
) -> None:
    # Uploaded, and then nobody could say so: it was noted before it was made.
    (tmp_path / "shop.db").touch()
    files = {"tag": "files", "type": "local", "path": str(tmp_path / "files")}
    large: dict[str, object] = {"tag": "large", "type": "read", "max_result_bytes": 2_000_000}
    large["template"] = "SELECT hex(zeroblob(700000)) AS x"
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    database = {"tag": "main", "type": "sqlite", "url": url, "actions": [large]}
    await applied(store, storage=[files], databases=[database], result_storage="files")
    with pytest.raises(JobFailed) as lost:
        await after_a_death(store, a_job("main:large", {}, onLost="fail"))
    assert lost.value.error["code"] == "WORKER_LOST"
    kept = [path.name for path in (tmp_path / "files/results").iterdir()]
    async with Ductape.open(store, config={}, worker=False) as ductape:
        await without_history(ductape)
    async with Ductape.open(store, config={}, worker=True), asyncio.timeout(20):
        while list((tmp_path / "files/results").iterdir()):  # noqa: ASYNC110 (a folder tells nobody)
            await asyncio.sleep(0.05)
    assert kept == [f"{lost.value.job_id}-1.json"]


async def with_secrets(store: str, **secrets: str) -> None:
    async with Ductape.open(store, config={}, worker=False) as ductape:
        for name, value in secrets.items():
            await ductape.secrets.set(name, value, product="shop")


async def test_nats_drops_a_message_that_is_published_again(store: str, tmp_path: Path) -> None:
    async with nats_server(tmp_path / "nats") as server:
        await applied(store, brokers=product({"type": "nats", "url": server.url})["brokers"])
        link, found = await nats.connect(server.url), list[tuple[int, str]]()

        async def look() -> None:
            (stream,) = await link.jetstream().streams_info()
            message = await link.jetstream().get_msg(str(stream.config.name), 1)
            found.append((stream.state.messages, (message.headers or {})["Nats-Msg-Id"]))

        view = await after_a_death(store, a_publish({"id": 7}), between=look)
        await look()
        await link.close()
    assert tries(view) == LOST_ONCE
    assert found == [(1, f"{view['id']}:1")] * 2


async def test_redis_keeps_both_messages_and_readers_tell_them_by_the_key(
    store: str, tmp_path: Path
) -> None:
    async with valkey(tmp_path) as server, Redis.from_url(server.url) as redis:
        await applied(store, brokers=product({"type": "redis", "url": server.url})["brokers"])
        view = await after_a_death(store, a_publish({"id": 7}))
        entries = await redis.xrange("orders")
    assert tries(view) == LOST_ONCE
    assert len(entries) == 2
    assert all(f"{view['id']}:1".encode() in b"".join(fields.values()) for _, fields in entries)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with http_receiver() as running:
        yield running


def keys_of(receiver: Receiver) -> list[str]:
    return [one.headers["idempotency-key"] for one in receiver.requests]


def an_app(receiver: Receiver) -> dict[str, object]:
    send = {"tag": "send", "method": "POST", "resource": "/send"}
    return {"tag": "mail", "base_url": receiver.url, "actions": [send]}


async def test_an_action_is_called_again_under_the_same_key(store: str, receiver: Receiver) -> None:
    await applied(store, apps=[an_app(receiver)])
    view = await after_a_death(store, a_job("send", {"body": {"to": "ada"}}, app="mail"))
    assert tries(view) == LOST_ONCE
    assert keys_of(receiver) == [f"{view['id']}:1"] * 2


async def test_a_cloud_function_is_called_again_under_the_same_key(
    store: str, receiver: Receiver
) -> None:
    await applied(store, functions=[{"tag": "resize", "url": receiver.url}])
    view = await after_a_death(store, a_job("resize", {"payload": {"id": 7}}))
    assert tries(view) == LOST_ONCE
    assert keys_of(receiver) == [f"{view['id']}:1"] * 2


async def test_the_last_channel_is_noted_with_the_result_and_told_again_without(
    store: str, receiver: Receiver
) -> None:
    told = {"tag": "told", "callback": {"url": receiver.url}, "messages": [{"tag": "shipped"}]}
    await applied(store, notifications=[told])
    given = {"slug": "shipped", "callback": {"body": {"order": 7}}}
    view = await after_a_death(store, a_job("told", given))
    assert tries(view) == LOST_ONCE
    assert keys_of(receiver) == [f"{view['id']}:1"] * 2


@pytest.mark.parametrize(("dies_at", "pushes", "callbacks"), [("turn", 1, 2), ("note", 2, 1)])
async def test_of_two_channels_the_one_that_was_noted_is_not_told_again(
    store: str, receiver: Receiver, dies_at: Where, pushes: int, callbacks: int
) -> None:
    async with expo_receiver() as expo:
        through = {"push_notification": {"type": "expo", "url": expo.url}}
        told = {"tag": "told", "callback": {"url": receiver.url}, **through}
        await applied(store, notifications=[told | {"messages": [{"tag": "shipped"}]}])
        push = {"title": "Shipped", "body": "On its way", "device_token": "ExponentPushToken[a]"}
        given = {"slug": "shipped", "callback": {"body": {}}, "push_notification": push}
        view = await after_a_death(store, a_job("told", given), dies_at)
    assert tries(view) == LOST_ONCE
    assert (len(expo.requests), len(receiver.requests)) == (pushes, callbacks)


async def test_it_is_so_with_a_store_on_postgresql(database: str, receiver: Receiver) -> None:
    await applied(database, apps=[an_app(receiver)])
    view = await after_a_death(database, a_job("send", {"body": {"to": "ada"}}, app="mail"))
    assert tries(view) == LOST_ONCE
    assert keys_of(receiver) == [f"{view['id']}:1"] * 2


FALLBACK = {"tag": "any", "options": [{"type": "action", "app": "mail", "event": "send"}]}


async def test_a_fallback_s_answer_that_was_noted_is_given_without_another_call(
    store: str, receiver: Receiver
) -> None:
    await applied(store, apps=[an_app(receiver)], fallbacks=[FALLBACK])
    view = await after_a_death(store, a_job("any", {"body": {"to": "ada"}}))
    assert tries(view) == LOST_ONCE
    assert len(receiver.requests) == 1


async def test_a_fallback_s_answer_that_was_not_noted_is_asked_for_under_the_same_key(
    store: str, receiver: Receiver
) -> None:
    await applied(store, apps=[an_app(receiver)], fallbacks=[FALLBACK])
    view = await after_a_death(store, a_job("any", {"body": {"to": "ada"}}), "note")
    assert tries(view) == LOST_ONCE
    assert len(keys_of(receiver)) == 2
    assert set(keys_of(receiver)) == {f"{view['id']}:1:fallback.any.mail"}


QUOTA = {"tag": "texts", "limit": 10, "period": "day", "per": ["user"]}


@pytest.mark.parametrize(("dies_at", "remaining"), [("turn", 9), ("note", 8)])
async def test_a_quota_counts_once_what_was_noted_and_errs_on_the_strict_side_else(
    store: str, dies_at: Where, remaining: int
) -> None:
    await applied(store, quotas=[QUOTA])
    view = await after_a_death(store, a_job("texts", {"user": "ada"}), dies_at)
    assert tries(view) == LOST_ONCE
    async with Ductape.open(store, config={}) as ductape:
        asked = a_job("texts", {"user": "ada", "action": "check"})
        found = await ductape.processor.job.schedule(asked, timeout=20)
    assert isinstance(found, dict)
    assert found["remaining"] == remaining
