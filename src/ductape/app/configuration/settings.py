"""The settings: `ductape.toml`, overridden by `DUCTAPE_*`, overridden by arguments (SPEC 16).

No file is needed to start. Every fault is told with its path. Spans are milliseconds.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, cast

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from ductape.app.configuration.faults import settings_of
from ductape.app.configuration.loading import shown_store
from ductape.app.configuration.routing import DEFAULT, refuse_bad_routes
from ductape.domain.files.remedies import TO_READ
from ductape.domain.found import kind_of
from ductape.domain.jsonlimits import DEFAULT as DEFAULT_LIMITS
from ductape.domain.jsonlimits import Limits
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.parsing.scalars import NAME_CHARACTERS, SPAN_MAX_MS
from ductape.errors import ConfigError
from ductape.worker.options import WorkerOptions

FILE_NAME = "ductape.toml"
DEFAULT_STORE = "sqlite:///ductape.db"
PREFIX = "DUCTAPE_"
STORES_PREFIX = f"{PREFIX}STORES_"
DAY_MS = 86_400_000
SECRET_SETTINGS = frozenset({"key"})


class WorkerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[worker]`."""

    concurrency: Annotated[int, Meta(ge=1, le=100_000)] = 200
    queues: tuple[Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS)], ...] = ()
    lease: Annotated[int, Meta(ge=100, le=DAY_MS)] = 30_000
    grace: Annotated[int, Meta(ge=0, le=DAY_MS)] = 30_000


class EgressSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[egress]`: what definitions may reach beyond the public internet."""

    allow_private: tuple[str, ...] = ()


class FilesSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[files]`: which folders of this host definitions may use."""

    roots: tuple[str, ...] = ()


class CacheSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[cache]`."""

    default_expiry: Annotated[int, Meta(ge=1, le=SPAN_MAX_MS)] = 300_000


class SubscribeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[subscribe]`: what holds for every subscription."""

    deepest_queue: Annotated[int, Meta(ge=1)] = 10_000
    """With so many jobs waiting in the queue of its jobs, one fetches no further messages."""


Days = Annotated[float, Meta(ge=0, le=36_500)]


class RetentionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[retention]`: how many days finished runs are kept."""

    completed: Days = 30
    failed: Days = 90


Most = Annotated[int, Meta(ge=1)]


class LimitSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """`[limits]`: how much one call may bring (SPEC 19)."""

    input: Most = DEFAULT_LIMITS.input_bytes
    result: Most = DEFAULT_LIMITS.result_bytes
    metadata: Most = DEFAULT_LIMITS.metadata_bytes
    nesting: Annotated[int, Meta(ge=1, le=DEFAULT_LIMITS.nesting)] = DEFAULT_LIMITS.nesting
    batch: Most = DEFAULT_LIMITS.batch
    references: Annotated[int, Meta(ge=0, le=DEFAULT_LIMITS.references)] = DEFAULT_LIMITS.references
    sequence: Most = DEFAULT_LIMITS.sequence

    def limits(self) -> Limits:
        """Return them as parsing takes them."""
        return Limits(
            input_bytes=self.input,
            result_bytes=self.result,
            metadata_bytes=self.metadata,
            nesting=self.nesting,
            batch=self.batch,
            references=self.references,
            sequence=self.sequence,
        )


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them, with their defaults."""

    store: str = DEFAULT_STORE
    key: str | None = None
    """The encryption keys, newest first; better given as `DUCTAPE_KEY` than in a file."""
    key_file: str | None = None
    handlers: tuple[str, ...] = ()
    """Registries of Python handlers, as `module:attribute`."""
    stores: dict[str, str] = field(default_factory=dict[str, str])
    """Further stores, by name."""
    routes: dict[str, str] = field(default_factory=dict[str, str])
    """The name of each product's store; a product that is not named is in `store`."""
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    egress: EgressSettings = field(default_factory=EgressSettings)
    files: FilesSettings = field(default_factory=FilesSettings)
    cache: CacheSettings = field(default_factory=CacheSettings)
    subscribe: SubscribeSettings = field(default_factory=SubscribeSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)

    def worker_options(self) -> WorkerOptions:
        """Return what they say about a worker, as it takes them."""
        return WorkerOptions(
            concurrency=self.worker.concurrency,
            queues=self.worker.queues,
            lease_ms=self.worker.lease,
            grace_ms=self.worker.grace,
            completed_kept_ms=int(self.retention.completed * DAY_MS),
            failed_kept_ms=int(self.retention.failed * DAY_MS),
        )

    def urls(self) -> dict[str, str]:
        """Return the URL of every store by its name, the default one first."""
        return {DEFAULT: self.store, **self.stores}

    def alone(self, store: str) -> "Settings":
        """Return the settings for one store, without routes to others."""
        return replace(self, store=store, stores={}, routes={})

    def __repr__(self) -> str:
        """Keep the key out of every log and traceback."""
        return f"Settings(store={shown_store(self.store)!r})"


def read_settings(
    config: str | Path | Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings; raises `ConfigError` with the path of everything that is wrong."""
    given = from_file(config)
    named: dict[str, str] = {}
    for path, text in from_environment(os.environ if environ is None else environ):
        _put(given, path, text)
        named[".".join(path)] = PREFIX + "_".join(path).upper()
    settings = settings_of(given, Settings, named)
    refuse_bad_routes(settings.store, settings.stores, settings.routes)
    return settings


def from_file(config: object) -> JsonObject:
    """Return what a settings file, or a mapping in its place, says; raises `ConfigError`."""
    if isinstance(config, Mapping):
        return dict(cast("Mapping[str, JsonValue]", config))
    if not isinstance(config, str | Path | None):
        said = f"config: expected a file or a mapping of settings, found {kind_of(config)}"
        raise ConfigError(said, path="config")
    path = Path(FILE_NAME if config is None else config)
    if config is None and not path.exists():
        return {}
    try:
        return cast("JsonObject", tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        said = f"{path}: {error.strerror}"
        raise ConfigError(said, path=str(path), hint=TO_READ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        said = f"{path}: not valid TOML: {error}"
        raise ConfigError(said, path=str(path), hint="mend that line of the file") from error


def from_environment(environ: Mapping[str, str]) -> list[tuple[tuple[str, ...], JsonValue]]:
    """Return `DUCTAPE_WORKER_CONCURRENCY=8` and the like as paths and values."""
    found: list[tuple[tuple[str, ...], JsonValue]] = []
    for path, is_list in _KNOWN.items():
        text = environ.get(PREFIX + "_".join(path).upper())
        if text is not None:
            parts: JsonValue = [part.strip() for part in text.split(",") if part.strip()]
            found.append((path, parts if is_list else text))
    for name, url in environ.items():
        if name.startswith(STORES_PREFIX):
            found.append((("stores", name.removeprefix(STORES_PREFIX).lower()), url))
    return found


_KNOWN: dict[tuple[str, ...], bool] = {
    ("store",): False,
    ("key",): False,
    ("key_file",): False,
    ("handlers",): True,
    ("worker", "concurrency"): False,
    ("worker", "queues"): True,
    ("worker", "lease"): False,
    ("worker", "grace"): False,
    ("egress", "allow_private"): True,
    ("files", "roots"): True,
    ("cache", "default_expiry"): False,
    ("subscribe", "deepest_queue"): False,
    ("retention", "completed"): False,
    ("retention", "failed"): False,
    ("limits", "input"): False,
    ("limits", "result"): False,
    ("limits", "metadata"): False,
    ("limits", "nesting"): False,
    ("limits", "batch"): False,
    ("limits", "references"): False,
    ("limits", "sequence"): False,
}
"""Every setting that the environment may give, and whether it is a list (comma-separated)."""


def _put(given: JsonObject, path: tuple[str, ...], value: JsonValue) -> None:
    *parents, last = path
    for parent in parents:
        inner = given.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{parent}: expected a table", path=parent)
        given = inner
    given[last] = value


def debugging() -> bool:
    """Tell whether `DUCTAPE_DEBUG=1` asks for tracebacks."""
    return os.environ.get(PREFIX + "DEBUG") == "1"
