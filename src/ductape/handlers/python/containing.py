"""Around the call of a user's function: what is meant to end a program ends its run instead."""

from asyncio import CancelledError
from types import TracebackType
from typing import Final, cast

from ductape.handlers.python.replay import Halt
from ductape.ports.handler import Quit
from ductape.ports.steps import Suspend

_SIGNS = (Suspend, Halt)
"""The engine's own, which stay what they are, alone or in the group of a task group."""
_NO_END = (Exception, CancelledError, KeyboardInterrupt, *_SIGNS)
"""What is no end of a program: Ctrl-C, which a person has pressed, stays what it is."""


class _Contained:
    """A block without state: each call of a function passes it, so it has to cost nothing."""

    __slots__ = ()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """Raise `Quit` for what is meant to end a program."""
        if error is not None and not isinstance(error, _NO_END) and not _has_sign(error):
            raise Quit(error) from error


def _has_sign(error: BaseException) -> bool:
    if not isinstance(error, BaseExceptionGroup):
        return False
    return cast("BaseExceptionGroup[BaseException]", error).subgroup(_SIGNS) is not None


CONTAINED: Final = _Contained()
"""Turns `SystemExit` and its kin into `Quit`: on the event loop they would end the worker."""
