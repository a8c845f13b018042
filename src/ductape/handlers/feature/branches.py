"""Sequences of a feature: each begins when its parents are done, several run side by side."""

import asyncio

from ductape.domain.definitions.feature import FeatureTarget, SequenceTarget
from ductape.domain.outcome import Failure
from ductape.handlers.feature.steps import Doing
from ductape.ports.steps import StepFailed, Suspend, soonest

LOOK_S = 0.5
"""How often held sequences are looked at while others run: a signal may have come meanwhile."""

Branch = asyncio.Task[bool]
"""Tells at its end whether the sequence is done."""


class Branches:
    """One attempt at all sequences."""

    def __init__(self, feature: FeatureTarget, doing: Doing) -> None:
        """Do the steps of a feature."""
        self._waiting = list(feature.sequence)
        self._doing = doing
        self._done: set[str] = set()
        self._running: dict[Branch, SequenceTarget] = {}
        self._failure: Failure | None = None
        self._held: list[tuple[SequenceTarget, Suspend]] = []
        """Which sequences are held, each with what it waits for."""

    async def all(self) -> None:
        """Do what can be done; raises `StepFailed` or, where no sequence can go on, `Suspend`.

        A failure lets the steps under way come to their ends, and nothing more begins. While one
        runs, one that was held goes on as soon as it can: it waits for its own hold alone.
        """
        try:
            self._begin_ready()
            while self._running:
                await self._some_end()
                self._begin_ready()
        finally:
            await self._end_all()
        if self._failure is not None:
            raise StepFailed(self._failure)
        if self._held:
            raise soonest([suspend for _, suspend in self._held])

    async def _some_end(self) -> None:
        """Wait for some branch to end; look at the held ones where that takes long."""
        patience_s = LOOK_S if self._held and self._failure is None else None
        first = asyncio.FIRST_COMPLETED
        ended, _ = await asyncio.wait(self._running, timeout=patience_s, return_when=first)
        for branch in ended:
            self._note(branch, self._running.pop(branch))
        if not ended:
            held, self._held = self._held, []
            for sequence, _ in held:
                self._begin(sequence)

    def _begin_ready(self) -> None:
        if self._failure is not None:
            return
        ready = [one for one in self._waiting if self._done.issuperset(one.parents)]
        for sequence in ready:
            self._waiting.remove(sequence)
            self._begin(sequence)

    def _begin(self, sequence: SequenceTarget) -> None:
        """Do a sequence from its first step; one that has finished answers at once."""
        self._running[asyncio.create_task(self._steps(sequence))] = sequence

    async def _steps(self, sequence: SequenceTarget) -> bool:
        for step in sequence.events:
            if self._failure is not None:
                return False
            await self._doing.step(sequence, step)
        return True

    def _note(self, branch: Branch, sequence: SequenceTarget) -> None:
        error = branch.exception()
        match error:
            case None:
                self._done.update({sequence.tag} if branch.result() else ())
            case StepFailed():
                self._failure = self._failure or error.failure
            case Suspend():
                self._held.append((sequence, error))
            case _:
                raise error

    async def _end_all(self) -> None:
        """Leave no branch behind when the attempt is told to stop."""
        for branch in self._running:
            branch.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
