"""A server that takes our questions and never answers: nobody waits for it without end.

Nothing below tells such a server from a slow one: its machine acknowledges every packet. So each
question has its time, and then the way to the server is shut, of which the driver hears at once;
cancelling it would ask the same server for one more answer. Spans are seconds.
"""

import asyncio
import re
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from psycopg import AsyncConnection, Connection

ANSWER_S = 30.0
"""How long an answer may take. A statement gives somebody's lock up after ten seconds (`locks`)."""
LAST_LOOK_S = 1.0
"""What is given on top of it: the event loop may have been stuck, with the answer at the door."""


_CHANGES = re.compile(rb"\b(INSERT|UPDATE|DELETE)\b")


class Unanswered(Exception):
    """The server did not answer in time, or never will: it was cut off."""

    def __init__(self, *, in_doubt: bool, cut: bool = False) -> None:
        """Tell whether a change may have become durable, and whether the connection broke."""
        super().__init__("the server does not answer")
        self.in_doubt = in_doubt
        self.cut = cut


class Watch:
    """Shuts a connection on which a question stays unanswered."""

    __slots__ = (
        "_connection",
        "_heard_at",
        "_last",
        "_loop",
        "_timer",
        "alone",
        "asked",
        "committing",
        "gave_up",
    )

    def __init__(self, connection: AsyncConnection[Any], *, unhurried: bool) -> None:
        """Begin to watch; or, unhurried, only to note."""
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._last = False
        self._timer = None if unhurried else self._loop.call_later(ANSWER_S, self._look)
        self.gave_up = False
        self.alone = False
        """Whether each statement is a transaction by itself."""
        self.asked = b""
        """The statement that was sent last."""
        self.committing = False

    @property
    def in_doubt(self) -> bool:
        """Whether what was asked last makes a change durable, if it gets there."""
        return self.committing or (self.alone and bool(_CHANGES.search(self.asked)))

    def heard(self) -> None:
        """Take note of an answer: the next has as long again."""
        self._heard_at = self._loop.time()
        self._last = False

    def silent_ms(self) -> int:
        """Return how long ago the latest answer was heard, or the first question was to be sent."""
        return int((self._loop.time() - self._heard_at) * 1000)

    def end(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        left_s = self._heard_at + ANSWER_S - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
        elif not self._last:
            self._last = True
            self._timer = self._loop.call_later(LAST_LOOK_S, self._look)
        else:
            self.gave_up = True
            shut(self._connection)


@contextmanager
def watched(connection: AsyncConnection[Any], *, unhurried: bool = False) -> Generator[Watch]:
    """Watch over what is asked in the block.

    Raises `Unanswered` where that was given up, or where nobody will hear what became of a commit.
    """
    watch = Watch(connection, unhurried=unhurried)
    try:
        yield watch
    except Exception as error:
        if watch.gave_up:
            raise Unanswered(in_doubt=watch.in_doubt) from error
        if watch.committing and connection.broken:
            raise Unanswered(in_doubt=True, cut=True) from error
        raise
    finally:
        watch.end()


@contextmanager
def watched_by_thread(connection: Connection[Any]) -> Generator[None]:
    """Watch over a blocking connection, whose thread hears of nothing while it waits."""
    timer = threading.Timer(ANSWER_S, shut, (connection,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def shut(connection: AsyncConnection[Any] | Connection[Any]) -> None:
    """End a connection's stream, so that whoever waits for an answer hears of its end."""
    if connection.closed:
        return
    way = socket.socket(fileno=connection.fileno())
    try:
        way.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was faster
    finally:
        way.detach()  # closing it is the driver's
