"""Keeping a feature's code and the record of its run together.

Every recorded step had all before it finished when it began, so a replay asks for all of them
before it begins a new one. Where it does not, the code has changed since.
"""

import asyncio
from collections.abc import Callable, Coroutine

from ductape.domain.steps import UNDOING, Step
from ductape.errors import invalid
from ductape.ports.handler import Abort
from ductape.ports.steps import Plan, Steps, Suspend, Work, soonest

LONGEST_NAME = 200
LOOK_S = 0.5
"""How often a held branch is looked at while others are at work."""
TURNS = 20
"""How many turns of the event loop other branches get to ask for a step."""


Doing = Callable[[], Coroutine[None, None, Step]]
"""Does a step, or what is left of it."""


class Changed(Abort):
    """The code of a feature asks for other steps than those that its run has recorded."""


class Halt(BaseException):
    """The replay has come to its end: what is to be undone is known."""


class Replay:
    """What one attempt has asked for."""

    def __init__(self, steps: Steps, *, only: bool) -> None:
        """Begin with what is recorded; `only` that is replayed, nothing begins."""
        recorded = [step for step in steps.recorded if not step.path.endswith(UNDOING)]
        self._left = {step.path: step for step in recorded}
        self._kinds = {step.path: step.kind for step in recorded}
        self._only = only
        self._names: dict[str, int] = {}
        self._given: set[str] = set()
        self._running: set[asyncio.Task[Step]] = set()
        self._asking = 0
        self._held: dict[str, Suspend] = {}
        """What the branches wait for that can do nothing now, by the paths of their steps."""
        self._closed = False
        self.undo: dict[str, tuple[Step, Work]] = {}
        """What undoes the steps that have finished, or of which something has; by path."""

    def named(self, name: str) -> str:
        """Return the path of a step; asked for again, a name gets a number."""
        if not 0 < len(name) <= LONGEST_NAME or "/" in name or "~" in name:
            wanted = f"1 to {LONGEST_NAME} characters without `/` and `~`"
            raise invalid("step", f"a name of {wanted}", repr(name[:40]))
        count = self._names.get(name, 0) + 1
        while (path := name if count == 1 else f"{name}#{count}") in self._given:
            count += 1
        self._names[name] = count
        self._given.add(path)
        return path

    async def asked(self, plan: Plan, work: Doing) -> Step:
        """Do what a step does, unless the record tells that it cannot be this one's turn.

        Where it is held, other branches go on as far as they can before `Suspend` is raised; this
        one goes on as soon as it can, whatever the others do.
        """
        agreed = False
        while not self._closed:
            self._asking += 1
            try:
                if not agreed:
                    await self._agree(plan)
                agreed = True
                return await self._done(work)
            except Suspend as suspend:
                self._held[plan.path] = suspend
            finally:
                self._asking -= 1
            if await self._all_landed():
                raise soonest([*self._held.values()])
            del self._held[plan.path]
        raise asyncio.CancelledError  # a branch that nobody waits for any more

    def undoes(self, step: Step, work: Work) -> None:
        """Remember what undoes a step."""
        self.undo[step.path] = (step, work)

    async def landed(self) -> None:
        """Wait until no branch does or asks for anything."""
        quiet = 0
        while quiet < TURNS:
            quiet += 1
            if self._running:
                await asyncio.wait(self._running)
                quiet = 0
            elif self._asking:
                quiet = 0
            await asyncio.sleep(0)

    async def _all_landed(self) -> bool:
        """Wait for the others; false where that takes long: a signal may have come meanwhile."""
        try:
            async with asyncio.timeout(LOOK_S):
                await self.landed()
        except TimeoutError:
            return False
        return True

    async def aclose(self) -> None:
        """Stop what is under way, and let nothing more begin."""
        self._closed = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def over(self) -> None:
        """Raise `Changed` where the code has ended without asking for a recorded step."""
        for step in self._left.values():
            raise _changed(step, "the end of the function")

    async def _done(self, work: Doing) -> Step:
        task = asyncio.create_task(work())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # What is under way comes to its end, whatever becomes of the code that asked for it.
        return await asyncio.shield(task)

    async def _agree(self, plan: Plan) -> None:
        recorded = self._left.pop(plan.path, None)
        kind = self._kinds.get(plan.path)
        if kind is not None and kind != plan.kind:
            raise Changed(_told(f"`{plan.path}` ({kind})", f"`{plan.path}` ({plan.kind})"))
        if recorded is None:
            await self._at_the_end(plan)
        if self._only and (recorded is None or not _is_over(recorded)):
            raise Halt

    async def _at_the_end(self, plan: Plan) -> None:
        """Let a new step begin only after all that is recorded was asked for."""
        turns, left = 0, len(self._left)
        while self._left and turns < TURNS:
            turns = turns + 1 if len(self._left) == left else 0
            left = len(self._left)
            await asyncio.sleep(0)
        if self._left and not self._running:
            raise _changed(next(iter(self._left.values())), f"`{plan.path}` ({plan.kind})")


def _is_over(step: Step) -> bool:
    return step.finished or step.state == "failed"


def _changed(expected: Step, found: str) -> Changed:
    return Changed(_told(f"`{expected.path}` ({expected.kind})", found))


def _told(expected: str, found: str) -> str:
    return (
        f"the feature's code does not match what its run has recorded: expected step {expected},"
        f" found {found}"
    )
