"""Inputs and results of what a definition calls sensitive: sealed at rest (SPEC 2, 18).

They are sealed where a job is made and where a run succeeds, and opened where an attempt begins and
where somebody is shown them: in between, store and engine carry an envelope that tells nothing. The
envelope names its place, so that a result may answer an equal run of another job.

A value that itself looks like an envelope is sealed too, sensitive or not, wherever both kinds are
kept: so what looks like one in the store is one, and what is in it is never opened a second time.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from typing import TypeVar, cast

import msgspec
from msgspec.structs import replace

from ductape.domain.found import MASK
from ductape.domain.job import Finished, JobSpec, Run, Schedule
from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.record import JobRecord
from ductape.domain.request import JobEventTypes
from ductape.errors import StoreError
from ductape.ports.vault import SealBroken, Vault

ENVELOPE = "$sealed"

Part = TypeVar("Part", Run, Schedule, Finished)


class Sealing:
    """Seals and opens through the vault."""

    def __init__(self, vault: Vault) -> None:
        """Use the vault's keys."""
        self._vault = vault

    def hidden(self, spec: JobSpec, job_id: str) -> JobSpec:
        """Return what a job asks for as it is stored."""
        if not spec.sensitive:
            return spec
        return replace(spec, input=self._seal(spec.input, f"{job_id}/input"))

    def input_of(self, spec: JobSpec) -> JsonObject:
        """Return an input as it was given; raises `SealBroken`."""
        if not spec.sensitive:
            return spec.input
        return cast("JsonObject", self._open(spec.input))

    def result_of(self, run: Run, result: JsonValue) -> JsonValue:
        """Return a run's result as it is stored."""
        if not run.spec.sensitive and _envelope(result) is None:
            return result
        return self._seal(result, f"{run.job_id}/{run.number}/result")

    def kept_checkpoint(self, run: Run, value: JsonValue) -> JsonValue:
        """Return what a run checkpoints as it is stored.

        A subscription's is left open: it is what the engine itself counts, and reads.
        """
        if not run.spec.sensitive or run.spec.kind is JobEventTypes.SUBSCRIBE:
            return value
        return self._seal(value, f"{run.job_id}/{run.number}/checkpoint")

    def checkpoint_of(self, run: Run) -> JsonValue:
        """Return what a run checkpointed last, as its handler gave it; raises `SealBroken`."""
        return self._open(run.checkpoint) if run.spec.sensitive else run.checkpoint

    def sealed(self, value: JsonValue, place: str) -> JsonValue:
        """Seal any value, to be found again at a place."""
        return self._seal(value, place)

    def unmistaken(self, value: JsonValue, place: str) -> JsonValue:
        """Return a value that is not sensitive as it is stored among those that are."""
        return value if _envelope(value) is None else self._seal(value, place)

    def opened(self, value: JsonValue, *, of: str = "") -> JsonValue:
        """Return a value as it was before it was sealed, if it was; raises `SealBroken`.

        Of one job, by its id: an envelope of another place is a value that only looks like one.
        """
        found = _envelope(value)
        return value if of and found and not found[1].startswith(f"{of}/") else self._open(value)

    def told(self, value: JsonValue, *, of: str = "") -> JsonValue:
        """Return a value for people who may see all of it; what cannot be opened is masked."""
        try:
            return self.opened(value, of=of)
        except SealBroken:
            return MASK

    def answer(self, run: Finished) -> JsonValue:
        """Return a finished run's result as its handler gave it; raises `StoreError`."""
        try:
            return self._open(run.result)
        except SealBroken as error:
            if not run.spec.sensitive:
                return run.result  # It only looks like an envelope: an earlier version stored it.
            raise StoreError(
                f"the result of job {run.job_id} cannot be unsealed: {error}",
                job_id=run.job_id,
                hint="the ring of keys needs the key that it was sealed with",
            ) from error

    def shown(self, record: JobRecord) -> JobRecord:
        """Return a job for people who may see all of it; what cannot be opened is masked."""
        return replace(
            record,
            live=None if record.live is None else self._shown_part(record.live),
            schedule=None if record.schedule is None else self._shown_part(record.schedule),
            last=None if record.last is None else self.shown_run(record.last),
        )

    def shown_run(self, run: Finished) -> Finished:
        """Return a finished run for people who may see all of it."""
        if not run.spec.sensitive:
            return run if _envelope(run.result) is None else replace(run, result=self.answer(run))
        return replace(self._shown_part(run), result=self.told(run.result))

    def _shown_part(self, part: Part) -> Part:
        if not part.spec.sensitive:
            return part
        shown = self.told(part.spec.input)
        given = shown if isinstance(shown, dict) else {ENVELOPE: MASK}
        return replace(part, spec=replace(part.spec, input=given))

    def _seal(self, value: JsonValue, place: str) -> JsonObject:
        sealed = self._vault.seal(msgspec.json.encode(value), place=place)
        return {ENVELOPE: b64encode(sealed).decode(), "place": place}

    def _open(self, value: JsonValue) -> JsonValue:
        """Open an envelope; what is none was stored before its definition was called sensitive."""
        found = _envelope(value)
        if found is None:
            return value
        text, place = found
        return msgspec.json.decode(self._vault.unseal(_bytes(text), place=place))


def _envelope(value: JsonValue) -> tuple[str, str] | None:
    """Return what an envelope holds, and its place; none for any other value."""
    match value:
        case {"$sealed": str(text), "place": str(place)} if len(value) == 2:  # noqa: PLR2004
            return text, place
        case _:
            return None


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except Base64Error as error:
        raise SealBroken("the envelope holds no base64") from error
