"""A storage: the folder or bucket that files are in, which may be another one in each env (SPEC 8).

An env's entry wins over what stands beside it, key by key. Sizes are bytes.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from ductape.domain.product.format.words import Credential, Filled, Name, Tag, Words

StorageType: TypeAlias = Literal["local", "s3", "gcs", "azure"]
Addressing: TypeAlias = Literal["path", "virtual"]

FileBytes: TypeAlias = Annotated[
    int,
    Meta(ge=1, le=80 * 1024**3, description="a size in bytes from 1 to 85899345920"),
]


class StorageEnv(Struct, frozen=True):
    """What a storage is in one env."""

    slug: Tag
    type: StorageType | None = None
    path: Filled | None = None
    bucket: Filled | None = None
    container: Filled | None = None
    region: Filled | None = None
    endpoint: Filled | None = None
    addressing: Addressing | None = None
    access_key_id: Filled | None = None
    secret_access_key: Credential | None = None
    session_token: Credential | None = None
    service_account: Credential | None = None
    account: Filled | None = None
    account_key: Credential | None = None
    sas_token: Credential | None = None
    prefix: Filled | None = None
    max_bytes: FileBytes | None = None
    allow_private: bool | None = None


class Storage(Struct, frozen=True):
    """One storage."""

    tag: Tag
    name: Name | None = None
    description: Words | None = None
    type: StorageType | None = None
    path: Filled | None = None
    """The folder of a local one, below one of the operator's `[files] roots`."""
    bucket: Filled | None = None
    container: Filled | None = None
    """What Azure calls a bucket."""
    region: Filled | None = None
    endpoint: Filled | None = None
    """The URL of what speaks S3, GCS or Azure elsewhere than at its maker's."""
    addressing: Addressing | None = None
    """Whether S3's bucket stands in the path (the default) or before the host."""
    access_key_id: Filled | None = None
    secret_access_key: Credential | None = None
    session_token: Credential | None = None
    service_account: Credential | None = None
    """GCS: the JSON of a service account's key."""
    account: Filled | None = None
    """Azure: the name of the account."""
    account_key: Credential | None = None
    sas_token: Credential | None = None
    prefix: Filled | None = None
    """What every file name begins with, as a folder; callers do not see it."""
    max_bytes: FileBytes | None = None
    """Of one file; a GiB where left out."""
    allow_private: bool | None = None
    sensitive: bool = False
    envs: tuple[StorageEnv, ...] = ()
