"""The matrix of faults for whatever speaks HTTP: provider by provider, fault by fault (SPEC 12).

Each row is proven from the product's document to the recorded attempt, against servers that do one
thing wrong each. They quote what they were sent, so that a secret that is shown would be found.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.faults import SLOW, Case, outcomes
from tests.servers.buckets import ACCESS_KEY, AZURE_ACCOUNT, AZURE_KEY, BUCKET, SECRET_KEY
from tests.servers.faulty import (
    WAIT_S,
    Act,
    FaultyServer,
    cut,
    cut_head,
    dripping,
    dripping_head,
    endless,
    endless_head,
    faulty_servers,
    http_answer,
    hung_up,
    nobody,
    nonsense,
    silent,
)
from tests.servers.functions import AWS_ID, AWS_SECRET, REGION
from tests.servers.sms import ACCOUNT, SECRET
from tests.servers.tokens import CLIENT, TokenUrl, key_file, token_url

JSON = "application/json"

GARBLED = (
    b'{"name": "\xe9", "data": {"status": "\xe9"}, "sid": "\xe9", "message_uuid": ["\xe9"],'
    b' "messages": [{"status": "\xe9"}], "access_token": "\xe9", "error": "\xe9",'
    b' "message": "\xe9", "x": "'
)
"""JSON in which the texts are none: it can be told only where they are read."""
FAULTS: dict[str, Act] = {
    "silent": silent,
    "dripping": dripping,
    "dripping-head": dripping_head,
    "hung-up": hung_up,
    "cut": cut,
    "cut-head": cut_head,
    "denied": http_answer(401, mime=JSON, body=b'{"error": "no: '),
    "limited": http_answer(429, mime=JSON, body=b'{"slow": "', Retry_After=str(WAIT_S)),
    "busy": http_answer(503, mime=JSON, body=b'{"slow": "', Retry_After=str(WAIT_S)),
    "broken": http_answer(500, mime=JSON, body=b"<h1>"),
    "nonsense": nonsense,
    "garbage": http_answer(200, mime=JSON, body=b"\xff\xfe{garbage"),
    "garbled": http_answer(200, mime=JSON, body=GARBLED),
    "garbled-refusal": http_answer(401, mime=JSON, body=GARBLED),
    "endless": endless(200, JSON),
    "endless-refusal": endless(500, JSON),
    "endless-head": endless_head,
}

USUAL = {
    "refused": "CONNECTION_ERROR, again",
    "silent": "TIMEOUT, again",
    "dripping": "TIMEOUT, again",
    "dripping-head": "TIMEOUT, again",
    "hung-up": "CONNECTION_ERROR, again",
    "cut": "CONNECTION_ERROR, again",
    "cut-head": "CONNECTION_ERROR, again",
    "denied": "UNAUTHORIZED",
    "limited": "RATE_LIMITED, after 3600 s",
    "busy": "SERVICE_UNAVAILABLE, after 3600 s",
    "broken": "PROVIDER_ERROR, again",
    "nonsense": "CONNECTION_ERROR, again",
    "garbage": "PROVIDER_ERROR, again",
    "garbled": "PROVIDER_ERROR, again",
    "garbled-refusal": "UNAUTHORIZED",
    "endless": "PROVIDER_ERROR, again",
    "endless-refusal": "PROVIDER_ERROR, again",
    "endless-head": "CONNECTION_ERROR, again",
}
"""What a fault comes to, unless a provider's own row says otherwise."""


@dataclass(frozen=True)
class Around:
    """What a row's case is made of."""

    ports: dict[str, int]
    """Of the server of each fault."""
    tokens: TokenUrl
    """One that does nothing wrong."""
    folder: Path

    def envs(self, key: str = "url", path: str = "") -> list[dict[str, object]]:
        """Give each fault's env its own server."""
        return [
            {"slug": one, key: f"http://127.0.0.1:{at}{path}"} for one, at in self.ports.items()
        ]


Make = Callable[[Around], Case]

SECRETS = {"s": "the-s3cret/+", "t": "another-s3cret"}
MIB = 1_048_576
MOST_SENT = 40 * MIB
"""Of an answer without an end: far less than a worker could hold, far more than it reads."""


def action(around: Around) -> Case:
    auth = {"tag": "main", "type": "bearer", "token": "$Secret{s}"}
    one = {"tag": "order", "method": "POST", "resource": "/orders", "auth": "main"}
    app = {"tag": "crm", "envs": around.envs("base_url"), "auths": [auth], "actions": [one]}
    return Case({"apps": [app]}, "order", {"body": {"sku": 1}}, SECRETS)


def oauth2(grant: str) -> Make:
    """Make the token URL of an app the one that does wrong."""

    def make(around: Around) -> Case:
        auth = {
            "tag": "main",
            "type": "oauth2",
            "grant": grant,
            "client_id": CLIENT[0],
            "client_secret": "$Secret{s}",
            **({"refresh_token": "$Secret{t}"} if grant == "refresh_token" else {}),
            "envs": around.envs("token_url"),
        }
        one = {"tag": "order", "method": "POST", "resource": "/orders", "auth": "main"}
        envs = [{"slug": slug, "base_url": around.tokens.url} for slug in around.ports]
        app = {"tag": "crm", "envs": envs, "auths": [auth], "actions": [one]}
        return Case({"apps": [app]}, "order", {"body": {"sku": 1}}, SECRETS)

    return make


def function(**auth: str) -> Make:
    def make(around: Around) -> Case:
        secrets = {**SECRETS, "aws": AWS_SECRET, "google": key_file(around.tokens.token_url)}
        one = {"tag": "resize", "auth": auth, "envs": around.envs()}
        return Case({"functions": [one]}, "resize", {"payload": {"a": 1}}, secrets, ["token-1"])

    return make


def googles_token_url(around: Around) -> Case:
    secrets = {
        f"at_{at}": key_file(f"http://127.0.0.1:{port}")
        for at, port in enumerate(around.ports.values())
    }
    envs = [
        {"slug": slug, "auth": {"type": "google", "service_account": f"$Secret{{at_{at}}}"}}
        for at, slug in enumerate(around.ports)
    ]
    one = {"tag": "resize", "url": around.tokens.url, "envs": envs}
    return Case({"functions": [one]}, "resize", {"payload": {"a": 1}}, secrets)


def channel(name: str, given: dict[str, object], **provider: str) -> Make:
    """Make a notification of one channel."""

    def make(around: Around) -> Case:
        secrets = {**SECRETS, "sms": SECRET, "google": key_file(around.tokens.token_url)}
        envs = [
            {"slug": one["slug"], name: {**provider, "url": one["url"]}} for one in around.envs()
        ]
        whole = {"tag": "orders", "envs": envs, "messages": []}
        hidden = ["token-1", TO.removeprefix("+"), DEVICE]
        return Case(
            {"notifications": [whole]}, "orders", {"slug": "x", name: given}, secrets, hidden
        )

    return make


def storage(given: dict[str, object], path: str = "", **place: str) -> Make:
    def make(around: Around) -> Case:
        account = key_file(around.tokens.token_url)
        secrets = {"aws": SECRET_KEY, "azure": AZURE_KEY, "google": account}
        one = {"tag": "files", "bucket": BUCKET, **place, "envs": around.envs("endpoint", path)}
        return Case({"storage": [one]}, "files", given, secrets, ["token-1"])

    return make


def source(around: Around) -> Case:
    """Upload what is behind a URL, which is what does wrong."""
    one = {"tag": "files", "type": "local", "path": str(around.folder), "max_bytes": 8_388_608}
    given = {
        str(env["slug"]): {"fileName": f"{env['slug']}.bin", "url": env["url"]}
        for env in around.envs(path="/x?token=the-s3cret")
    }
    return Case({"storage": [one]}, "files", given_in=given, hidden=["the-s3cret"])


TO, DEVICE = "+31612345678", "device-token-1"
PUSH: dict[str, object] = {"title": "Hi", "body": "You", "device_token": DEVICE}
SMS: dict[str, object] = {"to": TO, "body": "Hi"}
UPLOAD: dict[str, object] = {"fileName": "a.txt", "buffer": "aGVsbG8="}
DOWNLOAD: dict[str, object] = {"operation": "download", "fileName": "a.txt"}
LIST: dict[str, object] = {"operation": "list"}
S3 = {"type": "s3", "access_key_id": ACCESS_KEY, "secret_access_key": "$Secret{aws}"}
GCS = {"type": "gcs", "service_account": "$Secret{google}"}
AZURE = {"type": "azure", "account": AZURE_ACCOUNT, "account_key": "$Secret{azure}"}
BUCKET_S = {
    "busy": "RATE_LIMITED, after 3600 s",
    "endless-head": "PROVIDER_ERROR, again",
}
"""What 503 means to a bucket, and what our own way there says of a head."""
BY_THE_HEAD = {"dripping": "PROVIDER_ERROR, again", "cut": "PROVIDER_ERROR, again"}
"""An upload's answer is over with its head, and here that of a file of another size."""
ANY_ANSWER = {"garbage": "completed", "garbled": "completed"}
"""Of those who take whatever comes with a 200 for the result, or look at the status alone."""

TOO_LARGE = {"endless": "VALIDATION_ERROR"}
"""Of what has more than a storage takes, wherever it comes from: no other attempt has less."""

ROWS: dict[str, tuple[Make, dict[str, str]]] = {
    "action": (action, ANY_ANSWER),
    "oauth2-client": (oauth2("client_credentials"), {}),
    "oauth2-refresh": (oauth2("refresh_token"), {}),
    "function-bearer": (function(type="bearer", token="$Secret{s}"), ANY_ANSWER),
    "function-aws": (
        function(type="aws", access_key_id=AWS_ID, secret_access_key="$Secret{aws}", region=REGION),
        ANY_ANSWER,
    ),
    "function-google": (function(type="google", service_account="$Secret{google}"), ANY_ANSWER),
    "googles-token-url": (googles_token_url, {}),
    "expo": (channel("push_notification", PUSH, type="expo", access_token="$Secret{s}"), {}),
    "fcm": (
        channel(
            "push_notification",
            PUSH,
            type="fcm",
            project_id="project-1",
            service_account="$Secret{google}",
        ),
        {},
    ),
    "twilio": (
        channel(
            "sms", SMS, type="twilio", sender="A", account_sid=ACCOUNT, auth_token="$Secret{sms}"
        ),
        {},
    ),
    "plivo": (
        channel("sms", SMS, type="plivo", sender="A", auth_id=ACCOUNT, auth_token="$Secret{sms}"),
        {},
    ),
    "vonage": (
        channel("sms", SMS, type="vonage", sender="A", api_key=ACCOUNT, api_secret="$Secret{sms}"),
        {},
    ),
    "callback": (channel("callback", {"body": {"a": 1}}), ANY_ANSWER),
    "source": (source, ANY_ANSWER | TOO_LARGE),
    "s3-upload": (storage(UPLOAD, **S3), BUCKET_S | BY_THE_HEAD),
    "s3-download": (storage(DOWNLOAD, **S3), BUCKET_S),
    "s3-list": (storage(LIST, **S3), BUCKET_S),
    "gcs-upload": (storage(UPLOAD, **GCS), BUCKET_S | BY_THE_HEAD),
    "azure-list": (storage(LIST, f"/{AZURE_ACCOUNT}", **AZURE), BUCKET_S),
}


@pytest.fixture
async def tokens() -> AsyncIterator[TokenUrl]:
    async with token_url() as running:
        yield running


@pytest.fixture
async def servers() -> AsyncIterator[dict[str, FaultyServer]]:
    async with faulty_servers(FAULTS) as running:
        yield running


@pytest.mark.parametrize("provider", ROWS)
async def test_each_fault_has_its_code_and_its_wait(
    servers: dict[str, FaultyServer],
    tokens: TokenUrl,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
) -> None:
    monkeypatch.setattr("ductape.providers.storage.exchange.LONGEST_ANSWER", 8 * MIB)
    make, own = ROWS[provider]
    ports = {"refused": nobody(), **{name: server.port for name, server in servers.items()}}
    case = make(Around(ports, tokens, tmp_path))
    slow = [one for one in SLOW if (USUAL | own).get(one, "TIMEOUT").startswith("TIMEOUT")]
    told = await outcomes(case, list(ports), tmp_path, servers, slow=slow)
    assert told == USUAL | own
    for server in servers.values():
        assert server.met > 0
        assert server.sent < MOST_SENT
        await server.all_gone()
