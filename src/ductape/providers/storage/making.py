"""The library's stores for S3, Google Cloud Storage and Azure, made of a definition alone.

The library would also read the process's environment: whatever says who we are or where we go is
given here, so that nothing of the host's leaks into a product.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import quote, urlsplit

from obstore.store import AzureStore, GCSStore, S3Store

from ductape.domain.definitions.storage import StorageTarget
from ductape.providers.storage.google import HeldToken

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

Bucket: TypeAlias = S3Store | GCSStore | AzureStore

_RETRY: "RetryConfig" = {
    "max_retries": 2,
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    },
    "retry_timeout": timedelta(seconds=30),
}
"""Enough for a connection that was closed while idle; beyond that the job's own retries count."""


def endpoint_of(place: StorageTarget) -> str:
    """Return the URL of the service, without a slash at its end.

    >>> endpoint_of(StorageTarget(type="s3", bucket="b", region="eu-west-1"))
    'https://s3.eu-west-1.amazonaws.com'
    """
    if place.endpoint:
        return place.endpoint.rstrip("/")
    match place.type:
        case "s3":
            return f"https://s3.{place.region or 'us-east-1'}.amazonaws.com"
        case "gcs":
            return "https://storage.googleapis.com"
        case _:
            return f"https://{place.account or ''}.blob.core.windows.net"


def origin_of(place: StorageTarget) -> str:
    """Return scheme, host and port of the service, as errors name it."""
    parts = urlsplit(endpoint_of(place))
    return f"{parts.scheme}://{parts.netloc}"


def url_of(place: StorageTarget, name: str) -> str:
    """Return a file's address.

    >>> url_of(StorageTarget(type="gcs", bucket="b"), "a/ü.txt")
    'https://storage.googleapis.com/b/a/%C3%BC.txt'
    """
    if place.type == "s3" and place.addressing == "virtual":
        return f"{_virtual(place)}/{quote(name)}"
    return f"{endpoint_of(place)}/{quote(place.bucket)}/{quote(name)}"


def make_bucket(
    place: StorageTarget, proxy_url: str, trusted: bytes | None, held: HeldToken | None
) -> Bucket:
    """Make the library's store of a definition; raises what the library raises for a bad one.

    `held` is Google's token.
    """
    client: ClientConfig = {
        "allow_http": endpoint_of(place).startswith("http://"),
        "allow_invalid_certificates": False,
        "connect_timeout": "10s",
        "read_timeout": "30s",
        "timeout": "12h",
        "proxy_url": proxy_url,
        "proxy_excludes": "",
        "user_agent": "ductape-jobs",
    }
    if trusted is not None:
        client["root_certificate"] = trusted
    match place.type:
        case "s3":
            return _s3(place, client)
        case "gcs":
            return _gcs(place, client, held)
        case _:
            return _azure(place, client)


def _virtual(place: StorageTarget) -> str:
    parts = urlsplit(endpoint_of(place))
    return f"{parts.scheme}://{place.bucket}.{parts.netloc}{parts.path}"


def _s3(place: StorageTarget, client: "ClientConfig") -> S3Store:
    virtual = place.addressing == "virtual"
    endpoint = _virtual(place) if virtual else endpoint_of(place)
    anonymous = place.access_key_id is None
    return S3Store(
        place.bucket,
        config={"aws_endpoint_url_s3": endpoint, "s3_express": False},
        endpoint=endpoint,
        virtual_hosted_style_request=virtual,
        region=place.region or "us-east-1",
        skip_signature=anonymous,
        unsigned_payload=False,
        disable_bulk_delete=True,
        credential_provider=None if anonymous else _s3_keys(place),
        client_options=client,
        retry_config=_RETRY,
    )


def _s3_keys(place: StorageTarget) -> Any:  # noqa: ANN401 (the library's protocol is a stub's)
    keys = {
        "access_key_id": place.access_key_id,
        "secret_access_key": place.secret_access_key,
        "token": place.session_token,
        "expires_at": None,
    }
    return lambda: keys


def _gcs(place: StorageTarget, client: "ClientConfig", held: HeldToken | None) -> GCSStore:
    return GCSStore(
        place.bucket,
        base_url=endpoint_of(place),
        skip_signature=held is None,
        credential_provider=cast("Any", held),
        client_options=client,
        retry_config=_RETRY,
    )


def google_signer(place: StorageTarget) -> GCSStore:
    """Make a store that signs with the service account's key, and is never connected."""
    return GCSStore(
        place.bucket,
        base_url=endpoint_of(place),
        service_account_key=place.service_account or "",
        skip_signature=False,
    )


def _azure(place: StorageTarget, client: "ClientConfig") -> AzureStore:
    key: dict[str, object] | None = None
    if place.account_key is not None:
        key = {"access_key": place.account_key, "expires_at": None}
    elif place.sas_token is not None:
        key = {"sas_token": place.sas_token.removeprefix("?"), "expires_at": None}
    return AzureStore(
        place.bucket,
        account_name=place.account or "",
        endpoint=endpoint_of(place),
        skip_signature=key is None,
        use_emulator=False,
        credential_provider=None if key is None else cast("Any", lambda: key),
        client_options=client,
        retry_config=_RETRY,
    )
