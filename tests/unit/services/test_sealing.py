"""Sealed inputs and results, and what becomes of them under a ring without their key."""

import pytest
from msgspec.structs import replace

from ductape.domain.job import Finished, JobSpec
from ductape.domain.jsonvalue import JsonValue
from ductape.domain.record import JobRecord
from ductape.errors import StoreError
from ductape.ports.vault import SealBroken
from ductape.services.sealing import Sealing
from tests.builders import NOW_MS, a_run, a_spec


class Backwards:
    """A vault of sorts: it seals to a place, and opens only what is its own."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, plain: bytes, *, place: str) -> bytes:
        return self._key + place.encode() + plain[::-1]

    def unseal(self, sealed: bytes, *, place: str) -> bytes:
        if not sealed.startswith(lead := self._key + place.encode()):
            raise SealBroken("another key or place")
        return sealed.removeprefix(lead)[::-1]

    def derive(self, purpose: str, key_id: str | None = None) -> tuple[str, bytes]:
        raise NotImplementedError

    def key_ids(self) -> tuple[str, ...]:
        return ("k1",)


OURS, OTHERS = Sealing(Backwards(b"a")), Sealing(Backwards(b"b"))
SECRET: dict[str, JsonValue] = {"card": "4000"}
PLAIN: JobSpec = a_spec(input=SECRET)
SENSITIVE = replace(PLAIN, sensitive=True)


def finished(spec: JobSpec, result: JsonValue) -> Finished:
    return Finished("job", 1, "completed", spec, NOW_MS, NOW_MS, NOW_MS, (), result)


ALIKE: dict[str, JsonValue] = {"$sealed": "eA==", "place": "job/input"}


def test_an_input_is_sealed_and_opened_again() -> None:
    hidden = OURS.hidden(SENSITIVE, "job")
    assert "4000" not in repr(hidden.input)
    assert OURS.input_of(hidden) == SECRET


@pytest.mark.parametrize("given", [ALIKE, {**SECRET, "$sealed": "x"}])
def test_an_input_that_looks_sealed_is_sealed_all_the_same(given: dict[str, JsonValue]) -> None:
    hidden = OURS.hidden(replace(SENSITIVE, input=given), "job")
    assert "eA==" not in repr(hidden.input)
    assert "4000" not in repr(hidden.input)
    assert OURS.input_of(hidden) == given


@pytest.mark.parametrize("spec", [PLAIN, SENSITIVE])
def test_a_result_that_is_itself_an_envelope_comes_back_as_it_was_given(spec: JobSpec) -> None:
    given = OURS.sealed("of another", "other/1/result")
    run = finished(OURS.hidden(spec, "job"), OURS.result_of(a_run(spec), given))
    assert OURS.answer(run) == given
    assert OURS.shown_run(run).result == given


def test_what_is_kept_among_sealed_values_is_never_taken_for_one() -> None:
    given = OURS.sealed("of another", "other/1/result")
    assert OURS.opened(OURS.unmistaken(given, "job/1/step/a"), of="job") == given
    assert OURS.opened(OURS.unmistaken("plain", "job/1/step/a"), of="job") == "plain"


def test_an_envelope_of_another_job_that_an_earlier_version_kept_is_a_value() -> None:
    given = OURS.sealed("of another", "other/1/result")
    assert OURS.opened(given, of="job") == given
    assert OURS.told(given, of="job") == given
    assert OURS.opened(OURS.sealed("ours", "job/1/step/a"), of="job") == "ours"


def test_what_is_not_sensitive_is_left_alone() -> None:
    assert OURS.hidden(PLAIN, "job") == PLAIN
    assert OURS.input_of(PLAIN) == SECRET
    assert OURS.result_of(a_run(PLAIN), {"$sealed": "x"}) == {"$sealed": "x"}
    assert OURS.answer(finished(PLAIN, {"$sealed": "x", "place": "y"})) == {
        "$sealed": "x",
        "place": "y",
    }


def test_what_was_stored_before_its_definition_was_sensitive_is_shown_as_it_is() -> None:
    assert OURS.input_of(SENSITIVE) == SECRET
    assert OURS.answer(finished(SENSITIVE, "open")) == "open"


def test_a_result_that_cannot_be_opened_is_an_error_and_is_shown_masked() -> None:
    sealed = OURS.result_of(a_run(SENSITIVE), "approved")
    run = finished(OURS.hidden(SENSITIVE, "job"), sealed)
    assert OURS.answer(run) == "approved"
    with pytest.raises(StoreError, match="cannot be unsealed"):
        OTHERS.answer(run)
    shown = OTHERS.shown(JobRecord("job", None, None, run))
    assert shown.last is not None
    assert (shown.last.result, shown.last.spec.input) == ("***", {"$sealed": "***"})


def test_an_envelope_that_is_none_is_no_crash() -> None:
    run = finished(SENSITIVE, {"$sealed": "not base64!", "place": "x"})
    assert OURS.shown_run(run).result == "***"
