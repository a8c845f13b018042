"""Around the call of a user's function: what is meant to end a program ends its run instead."""

from asyncio import CancelledError
from collections.abc import Generator
from contextlib import contextmanager

from ductape.handlers.python.replay import Halt
from ductape.ports.handler import Quit
from ductape.ports.steps import Suspend


@contextmanager
def contained() -> Generator[None]:
    """Turn `SystemExit` and its kin into `Quit`: on the event loop they would end the worker.

    Ctrl-C stays what it is, for a person has pressed it; and so do the engine's own signs, alone
    or in the group of a task group.
    """
    try:
        yield
    except (CancelledError, KeyboardInterrupt, BaseExceptionGroup, Suspend, Halt):
        raise
    except BaseException as error:
        if isinstance(error, Exception):
            raise
        raise Quit(error) from error
