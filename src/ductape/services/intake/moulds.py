"""Moulds: a request that differs from an earlier one in what each job has of its own.

Whoever stores many jobs mostly stores the same one with other inputs. What an earlier request was
parsed to and resolved against is kept, by everything but input, start, key and metadata; these are
looked at each time. Whatever is unusual (a session, a recurrence, a reference, any fault) takes the
long way, which alone tells what is wrong.
"""

from collections.abc import Hashable, Mapping
from datetime import UTC
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from ductape.domain.fingerprint import request_digest
from ductape.domain.inputs import check_input
from ductape.domain.job import JobSpec
from ductape.domain.jsonlimits import Limits, copy_of, plain_text
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.parsing.options import labels
from ductape.domain.parsing.scalars import name
from ductape.domain.request import JobEventTypes, JobRequest
from ductape.domain.target import Target
from ductape.domain.time.instants import read_instant
from ductape.errors import Fault
from ductape.services.intake.building import Builder, Built, as_asked

MOST_MOULDS = 256
VARYING = frozenset({"input", "start_at", "key", "metadata"})
_MAY_REFER = b"$"
"""What every reference and every literal begins with, in the encoding too."""

BY_INPUT = frozenset({JobEventTypes.NOTIFICATION, JobEventTypes.PUBLISH, JobEventTypes.SUBSCRIBE})
"""Kinds whose target depends on the input too."""

_Words = tuple[str | None, Mapping[str, str]]
"""A job's key and its metadata."""
NO_WORDS: _Words = (None, {})

_NO_METADATA: tuple[object, ...] = (None, {})


class _Mould(Struct, frozen=True):
    """A built job, for others of its shape."""

    request: JobRequest
    """Without a key and metadata, and so the specification."""
    spec: JobSpec
    target: Target
    version: int
    """The product's, which must still be the current one."""


class Moulds:
    """The shapes that one process has stored lately."""

    def __init__(self, builder: Builder, limits: Limits) -> None:
        """Make jobs through `builder`."""
        self._builder = builder
        self._limits = limits
        self._kept: dict[Hashable, _Mould] = {}

    def cast(self, data: object, versions: Mapping[str, int], now_ms: int) -> Built | None:
        """Build a job in the mould of an earlier one; none where it must go the long way.

        `versions` are the current ones of the products.
        """
        if type(data) is not dict:
            return None
        fields = cast("dict[str, object]", data)
        mould = self._of(fields)
        if mould is None or versions.get(mould.spec.product) != mould.version:
            return None
        given = self._input(fields.get("input"), mould.target)
        start_ms, words = _start(fields.get("start_at")), self._words(fields)
        if given is None or start_ms is None or words is None:
            return None
        spec, digest = replace(mould.spec, input=given, created_at_ms=now_ms), b""
        if words != NO_WORDS:
            key, metadata = words
            spec = replace(spec, key=key, metadata=metadata)
            if key is not None:
                own = replace(mould.request, input=given, start_at_ms=start_ms, key=key)
                digest = request_digest(replace(own, metadata=metadata))
        return self._builder.once(spec, digest, mould.target, mould.version, start_ms, now_ms)

    def keep(self, data: object, request: JobRequest, built: Built) -> None:
        """Remember a job that was built the long way, if others can be made like it."""
        spec = built.job.spec
        apart = spec.session, spec.repeat, spec.expires_at_ms
        if type(data) is not dict or built.warnings or any(part is not None for part in apart):
            return
        if spec.kind in BY_INPUT or _points(built.target):
            return
        try:
            hash(shape := _shape(cast("dict[str, object]", data)))
        except TypeError:
            return
        while len(self._kept) >= MOST_MOULDS:
            self._kept.pop(next(iter(self._kept)))
        self._kept[shape] = _Mould(
            replace(as_asked(request, built.target), key=None, metadata={}),
            replace(spec, key=None, metadata={}),
            built.target,
            built.job.product_version,
        )

    def _of(self, fields: Mapping[str, object]) -> _Mould | None:
        """Return the mould of a request; none where something in it cannot be compared."""
        try:
            return self._kept.get(_shape(fields))
        except TypeError:
            return None

    def _words(self, fields: Mapping[str, object]) -> _Words | None:
        """Read a job's key and metadata; none where something is wrong with them."""
        key, metadata = fields.get("key"), fields.get("metadata")
        if key is None and metadata in _NO_METADATA:
            return NO_WORDS
        faults: list[Fault] = []
        read = (
            None if key is None else name(key, "key", faults),
            {} if metadata is None else labels(metadata, "metadata", faults, limits=self._limits),
        )
        return None if faults else read

    def _input(self, value: object, target: Target) -> JsonObject | None:
        """Take an input in which nothing is wrong and nothing is to be resolved."""
        if type(value) is not dict:
            return None
        members = cast("dict[str, object]", value)
        limits = self._limits
        plain = plain_text(members, "input", max_bytes=limits.input_bytes, nesting=limits.nesting)
        if isinstance(plain, list) or _MAY_REFER in plain:
            return None
        taken = copy_of(plain)
        return None if check_input(target, taken, resolved=False) else taken


def _points(target: Target) -> bool:
    """Tell whether another event takes the input in the end: its own rules are not the mould's."""
    return target.kind is JobEventTypes.JOB and target.needs is None


def _shape(fields: Mapping[str, object]) -> Hashable:
    """Name all of a request but what varies; no hash can be had where something has none.

    Types count: 1 and True are equal, and not the same request.

    >>> _shape({"event": "a", "retries": 1, "input": {}}) == _shape({"event": "a", "retries": True})
    False
    """
    rest = [(name, value, type(value)) for name, value in fields.items() if name not in VARYING]
    return tuple(rest)


def _start(value: object) -> int | None:
    if type(value) is not int:
        return None
    start_ms = read_instant(value, path="start_at", zone=UTC)
    return start_ms if isinstance(start_ms, int) else None
