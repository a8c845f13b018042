"""A storage as it is in one env. Sizes are bytes."""

from typing import Literal

from msgspec import Struct

DEFAULT_MAX_BYTES = 1024**3


class StorageTarget(Struct, frozen=True, omit_defaults=True):
    """Where the files are, and who we are there."""

    type: Literal["local", "s3", "gcs", "azure"]
    path: str = ""
    """The folder of a local one."""
    bucket: str = ""
    """Azure's container is one too."""
    region: str | None = None
    endpoint: str | None = None
    addressing: Literal["path", "virtual"] = "path"
    access_key_id: str | None = None
    secret_access_key: str | None = None
    session_token: str | None = None
    service_account: str | None = None
    account: str | None = None
    account_key: str | None = None
    sas_token: str | None = None
    prefix: str = ""
    """Without a slash at its ends."""
    max_bytes: int = DEFAULT_MAX_BYTES
    allow_private: bool = False

    def __repr__(self) -> str:
        """Keep the credentials out of every log and traceback."""
        return f"StorageTarget(type={self.type!r}, {self.path or self.bucket!r})"
