"""Where each setting comes from: the defaults, the file, the environment, an argument (SPEC 16)."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from ductape.app.configuration.loading import shown_store
from ductape.app.configuration.settings import (
    SECRET_SETTINGS,
    Settings,
    from_environment,
    from_file,
)
from ductape.domain.found import MASK
from ductape.domain.jsonvalue import JsonObject, JsonValue

Origin = Literal["default", "file", "environment", "argument"]
Origins = Mapping[str, Origin]
"""By the setting's path, as `worker.queues`; those that are not in it have their defaults."""


class SettingFact(Struct, frozen=True):
    """One setting in force."""

    path: str
    value: JsonValue
    """Secrets masked."""
    origin: Origin


def origins_of(
    config: str | Path | Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    arguments: tuple[str, ...] = (),
) -> Origins:
    """Tell where settings read by `read_settings` come from; raises `ConfigError`."""
    read: Origin = "argument" if isinstance(config, Mapping) else "file"
    given = from_environment(os.environ if environ is None else environ)
    return {
        **{path: read for path, _ in _leaves(from_file(config), "")},
        **{".".join(path): "environment" for path, _ in given},
        **dict.fromkeys(arguments, "argument"),
    }


def effective(settings: Settings, origins: Origins) -> list[SettingFact]:
    """List every setting in force, by name; passwords and keys are masked."""
    whole: JsonObject = msgspec.json.decode(msgspec.json.encode(settings))
    return [
        SettingFact(path, _shown(path, value), origins.get(path, "default"))
        for path, value in _leaves(whole, "")
    ]


def _shown(path: str, value: JsonValue) -> JsonValue:
    if path == "store" or path.startswith("stores."):
        return shown_store(str(value))
    return MASK if path in SECRET_SETTINGS and value is not None else value


def _leaves(table: JsonObject, before: str) -> Iterator[tuple[str, JsonValue]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
