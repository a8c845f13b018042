"""What `Ductape.open` is told, judged before anything is opened."""

from collections.abc import Iterable, Sequence
from typing import Final, cast

from ductape.domain.found import kind_of
from ductape.domain.parsing.scalars import NAME_CHARACTERS
from ductape.errors import ConfigError
from ductape.handlers.python import Handlers
from ductape.ports.clock import Clock
from ductape.worker.options import WorkerOptions

WorkerWish = bool | WorkerOptions | None
"""True, false, options, or none for what suits the store."""

_LEAST: Final = {"concurrency": 1, "lease_ms": 100, "grace_ms": 0, "upkeep_ms": 1}


def read_store(store: object) -> str:
    """Return a store's URL as it is; raises `ConfigError` for what is no text."""
    if isinstance(store, str):
        return store
    said = f"store: expected a URL, as `sqlite:///jobs.db`, found {kind_of(store)}"
    raise ConfigError(said, path="store")


def read_clock(clock: object) -> Clock:
    """Return a clock as it is; raises `ConfigError` for what tells no time."""
    if callable(getattr(clock, "now_ms", None)):
        return cast("Clock", clock)
    said = f"clock: expected an object with `now_ms()`, found {kind_of(clock)}"
    raise ConfigError(said, path="clock")


def read_registries(handlers: object) -> list[Handlers]:
    """Return one registry or several as a list; raises `ConfigError`."""
    given = [handlers] if isinstance(handlers, Handlers) else handlers
    found = list(cast("Iterable[object]", given)) if isinstance(given, list | tuple) else [given]
    for one in found:
        if not isinstance(one, Handlers):
            said = f"handlers: expected a `Handlers` or a list of them, found {kind_of(one)}"
            raise ConfigError(said, path="handlers", hint="`module:attribute` goes in the settings")
    return cast("list[Handlers]", found)


def read_worker(worker: object) -> WorkerWish:
    """Return what is wanted of a worker as it is; raises `ConfigError` for what none can be."""
    if isinstance(worker, WorkerOptions):
        for name, least in _LEAST.items():
            _refuse_less(f"worker.{name}", getattr(worker, name), least)
        _refuse_nameless(worker.queues)
        return worker
    if worker is None or isinstance(worker, bool):
        return worker
    said = f"worker: expected true, false or `WorkerOptions`, found {kind_of(worker)}"
    raise ConfigError(said, path="worker")


def _refuse_nameless(queues: object) -> None:
    """Refuse what names no queues: such a worker would serve none, and wait for ever."""
    if not isinstance(queues, tuple | list):
        said = f"worker.queues: expected a tuple of names, found {kind_of(queues)}"
        raise ConfigError(said, path="worker.queues")
    for at, name in enumerate(cast("Sequence[object]", queues)):
        if not isinstance(name, str) or not 0 < len(name) <= NAME_CHARACTERS:
            path = f"worker.queues[{at}]"
            wanted = f"the name of a queue, of 1 to {NAME_CHARACTERS} characters"
            found = f"{len(name)} of them" if isinstance(name, str) else kind_of(name)
            raise ConfigError(f"{path}: expected {wanted}, found {found}", path=path)


def _refuse_less(path: str, value: object, least: int) -> None:
    if type(value) is not int or value < least:
        said = f"{path}: expected an integer of at least {least}, found {value!r}"
        raise ConfigError(said, path=path)
