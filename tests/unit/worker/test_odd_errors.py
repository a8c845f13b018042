"""Whatever a function raises ends its attempt, and nothing else: no run hangs, no worker ends."""

from collections.abc import Callable

import pytest

from ductape import FeatureContext, Handlers, JobFailed
from ductape.errors import ProviderError
from ductape.testing import Harness
from tests.unit.worker.builders import a_job, registry
from tests.unit.worker.conftest import Play


class Mute(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Numeric(Exception):
    """Has a number for a text."""

    def __str__(self) -> str:
        return 5  # noqa: PLE0307  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


class Bent(ProviderError):
    """Has parts that are none."""

    def __init__(self) -> None:
        super().__init__("TIMEOUT", "no")
        self.details = 5  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]


ODD = [Mute(), Numeric(), Bent()]
ENDS_PROGRAMS = [
    SystemExit(3),
    GeneratorExit("over"),
    BaseException("odd"),
    BaseExceptionGroup("of a task group", [SystemExit(3), ValueError("no")]),
]


def kind_of(error: object) -> str:
    """Name a case."""
    return type(error).__name__


def raising(error: BaseException) -> Callable[[], object]:
    async def act() -> None:
        raise error

    return act


def raising_in_a_thread(error: BaseException) -> Callable[[], object]:
    def act() -> None:
        raise error

    return act


def failed(play: Play, handlers: Handlers) -> dict[str, object]:
    """Return the error of a job of `act`, after which one of `good` still runs."""

    async def scenario(harness: Harness) -> dict[str, object]:
        with pytest.raises(JobFailed) as caught:
            await harness.ductape.processor.job.schedule(a_job())
        assert await harness.ductape.processor.job.schedule(a_job("good")) == "done"
        return dict(caught.value.error)

    @handlers.job("good")
    async def good() -> str:
        return "done"

    return play(scenario, handlers)


@pytest.mark.parametrize("raises", [raising, raising_in_a_thread])
@pytest.mark.parametrize("error", ODD, ids=kind_of)
def test_an_error_that_cannot_be_told_fails_its_run(
    play: Play, raises: Callable[[BaseException], Callable[[], object]], error: Exception
) -> None:
    told = failed(play, registry(act=raises(error)))
    assert (told["code"], told["type"]) == ("HANDLER_ERROR", type(error).__name__)
    assert "cannot be told" in str(told["message"])
    assert "raise error" in str(told["traceback"])


@pytest.mark.parametrize("raises", [raising, raising_in_a_thread])
@pytest.mark.parametrize("error", ENDS_PROGRAMS, ids=kind_of)
def test_what_would_end_a_program_fails_its_run(
    play: Play, raises: Callable[[BaseException], Callable[[], object]], error: BaseException
) -> None:
    told = failed(play, registry(act=raises(error)))
    assert (told["code"], told["type"]) == ("HANDLER_ERROR", type(error).__name__)
    assert told["message"] == str(error)
    assert "raise error" in str(told["traceback"])


@pytest.mark.parametrize("raises", [raising, raising_in_a_thread])
@pytest.mark.parametrize(
    "error", [OSError(2, "no such file", "caf\udce9"), ProviderError("caf\udce9", "caf\udce9")]
)
def test_half_a_character_in_an_error_s_text_is_written_out(
    play: Play, raises: Callable[[BaseException], Callable[[], object]], error: Exception
) -> None:
    told = failed(play, registry(act=raises(error)))
    assert "caf\\udce9" in str(told["message"])


def test_nobody_presses_ctrl_c_in_a_thread(play: Play) -> None:
    told = failed(play, registry(act=raising_in_a_thread(KeyboardInterrupt())))
    assert (told["code"], told["type"]) == ("HANDLER_ERROR", "KeyboardInterrupt")


@pytest.mark.parametrize("error", [*ODD, *ENDS_PROGRAMS], ids=kind_of)
def test_a_feature_and_its_steps_fail_alike(play: Play, error: BaseException) -> None:
    async def scenario(harness: Harness) -> set[object]:
        kinds: set[object] = set()
        for event in ("whole", "step"):
            with pytest.raises(JobFailed) as caught:
                await harness.ductape.processor.job.schedule(a_job(event))
            kinds.add(caught.value.error["type"])
        return kinds

    handlers = Handlers()

    @handlers.feature("whole")
    async def whole() -> None:
        raise error

    @handlers.feature("step")
    async def step(ctx: FeatureContext) -> None:
        await ctx.step("odd", raising(error))

    assert play(scenario, handlers) == {type(error).__name__}
