"""The life of `ductape worker`: start, one line, work, and a stop that loses nothing (SPEC 11)."""

import asyncio
import gc
import logging
import os
import signal
import sys

from msgspec import Struct
from msgspec.structs import replace

from ductape import Ductape, WorkerOptions
from ductape.app.configuration.loading import load_handlers, shown_store
from ductape.app.configuration.settings import Settings
from ductape.app.logs import logged_to
from ductape.app.maintenance import settings_for
from ductape.cli import loops
from ductape.cli.calling import Call
from ductape.cli.drawing import output

SIGNALS = (signal.SIGTERM, signal.SIGINT)

KILLED = 128
"""A process ended by a signal has this and the signal's number as its exit code."""

log = logging.getLogger("ductape")


class Wish(Struct, frozen=True):
    """What the command's options ask for; none: as the settings have it."""

    queues: tuple[str, ...] | None
    concurrency: int | None
    handlers: tuple[str, ...]
    """Registries beside those of the settings, as `module:attribute`."""


def work(call: Call, wish: Wish) -> int:
    """Work until told to stop; return the exit code. Raises `DuctapeError` if it cannot start."""
    settings = settings_for(call.store, call.config)
    with logged_to(sys.stderr, settings):
        return loops.run(_worked(call, settings, wish))


async def _worked(call: Call, settings: Settings, wish: Wish) -> int:
    further = [name for name in wish.handlers if name not in settings.handlers]
    options = _options(settings, wish)
    opened = Ductape.open(
        call.store,
        config=call.config,
        handlers=[load_handlers(name) for name in further],
        worker=options,
    )
    stop = _stop_on_signals()
    async with opened as here:
        _spare_what_stays()
        for name, worker in here.worker_ids.items():
            output.line(_greeting(worker, settings.urls()[name], options))
        await _until_over(here, stop)
        log.info("stopping: what runs has %g s to end", options.grace_ms / 1_000)
    log.info("stopped")
    return 0


def _spare_what_stays() -> None:
    """Let the garbage collector pass over all that is loaded by now: it stays to the end.

    To go through it takes 20 to 30 ms, in which no run goes on, and a busy worker had it done every
    thousand jobs. The process is the command's own, so that nobody else's objects are meant.
    """
    gc.collect()
    gc.freeze()


async def _until_over(here: Ductape, stop: asyncio.Event) -> None:
    """Wait for a signal; raises `StoreError` where a worker ends by itself before."""
    told = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(here.outlived())
    await asyncio.wait({told, ended}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if ended.done():
        raise ended.result()
    ended.cancel()


def _options(settings: Settings, wish: Wish) -> WorkerOptions:
    options = settings.worker_options()
    if wish.queues is not None:
        options = replace(options, queues=wish.queues)
    if wish.concurrency is not None:
        options = replace(options, concurrency=wish.concurrency)
    return options


def _stop_on_signals() -> asyncio.Event:
    """Return what the first signal sets; the second ends the process."""
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        if stop.is_set():
            log.warning("ended at once: others take over what was running")
            os._exit(KILLED + number)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    return stop


def _greeting(worker: str, url: str, options: WorkerOptions) -> str:
    queues = ", ".join(options.queues) or "every queue"
    return f"worker {worker} works on {shown_store(url)}: {queues}, {options.concurrency} at a time"
