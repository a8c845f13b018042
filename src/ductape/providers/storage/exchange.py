"""What can be seen of a bucket's answers on their way through the tunnel: how long, how patient.

Of TLS only the bytes can be counted: those of one answer are what comes after the last that was
sent. Of plain HTTP the head can be read. The library itself reads a listing, and the words of a
refusal, to their end, however far that is. Sizes are bytes.
"""

from ductape.errors import ProviderError

LONGEST_ANSWER = 33_554_432
"""What an answer may have that no file is in. A full page of Azure's listing has less."""

LONGEST_HEAD = 65_536
"""What the headers of an answer may have, as far as they can be read."""

_HEAD_ENDS = b"\r\n\r\n"
_WAIT = "retry-after"


class Seen:
    """What the answers to one bucket's requests have told so far."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self.longest = LONGEST_ANSWER
        """Where an answer is cut off."""
        self.failure: ProviderError | None = None
        """Why the latest exchange came to nothing; none if we know of no reason."""
        self.headers: dict[str, str] = {}
        """Of the latest answer, names in lower case: `retry-after`, if it has one."""
        self.status: int | None = None
        """Of the latest answer, as far as it can be read."""

    def allow(self, size: int) -> None:
        """Let answers be as long as a file of so many bytes needs."""
        self.longest = max(self.longest, size + LONGEST_HEAD)


class Exchange:
    """One connection: requests one way, answers the other."""

    def __init__(self, seen: Seen, *, readable: bool) -> None:
        """Tell `seen` what comes to light; an answer is `readable` unless it is encrypted."""
        self._seen = seen
        self._length = 0
        self._head = b""
        self._reads_head = readable

    def asked(self, _: bytes) -> None:
        """Something more is asked: what comes now is another answer."""
        self._length = 0

    def answered(self, piece: bytes) -> None:
        """Look at a piece of an answer; raises `ProviderError` where it is one too many."""
        self._length += len(piece)
        if self._length > self._seen.longest:
            raise self._failed(f"the storage answered more than {self._seen.longest} bytes")
        if self._reads_head:
            self._look(piece)

    def _look(self, piece: bytes) -> None:
        self._head += piece[: LONGEST_HEAD - len(self._head)]
        head, ends, _ = self._head.partition(_HEAD_ENDS)
        if ends:
            self._seen.headers = _wait_in(head.decode("latin-1"))
            self._seen.status = _status_in(head)
            self._reads_head, self._head = False, b""
        elif len(self._head) == LONGEST_HEAD:
            raise self._failed(f"the storage's headers have more than {LONGEST_HEAD} bytes")

    def _failed(self, message: str) -> ProviderError:
        self._seen.failure = ProviderError("PROVIDER_ERROR", message)
        return self._seen.failure


def _wait_in(head: str) -> dict[str, str]:
    r"""Return the one header that says how long to wait.

    >>> _wait_in("HTTP/1.1 503 Slow Down\r\nRetry-After: 7\r\nServer: s")
    {'retry-after': '7'}
    """
    pairs = (line.partition(":") for line in head.split("\r\n")[1:])
    named = ((name.strip().lower(), text.strip()) for name, _, text in pairs)
    return {name: text for name, text in named if name == _WAIT}


def _status_in(head: bytes) -> int | None:
    r"""Return an answer's status; none where its first line has none.

    >>> _status_in(b"HTTP/1.1 401 Unauthorized\r\nServer: s"), _status_in(b"SSH-2.0")
    (401, None)
    """
    _, _, rest = head.partition(b"\r\n")[0].partition(b" ")
    status = rest[:3]
    return int(status) if len(status) == len("401") and status.isdigit() else None
