"""The steps of features as the terminal shows them."""

import asyncio
import json
from pathlib import Path

from rich.console import Console

from ductape import Ductape, Handlers
from ductape.cli.step_tree import step_tree
from ductape.domain.wire import ErrorView, StepView
from tests.unit.cli.builders import Terminal

NOW_MS = 1_800_000_000_000


def a_step(path: str, status: str = "completed", **parts: object) -> StepView:
    step: dict[str, object] = {
        "path": path,
        "kind": "action",
        "status": status,
        "started_at": NOW_MS - 2_500,
        "completed_at": NOW_MS - 1_000 if status == "completed" else None,
        "duration_ms": 1_500 if status == "completed" else None,
        "failures": 0,
        "due_at": None,
        "signal": None,
        "result": None,
        "error": None,
    }
    return StepView(**{**step, **parts})  # type: ignore[typeddict-item]


def drawn(*steps: StepView) -> list[str]:
    console = Console(width=200, highlight=False)
    with console.capture() as captured:
        console.print(step_tree(steps, NOW_MS))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_steps_are_drawn_with_their_states_and_durations() -> None:
    error = ErrorView(code="TIMEOUT", message="too slow\nby far", type="E", at=NOW_MS)
    assert drawn(
        a_step("main.charge"),
        a_step("main.pay", kind="child"),
        a_step("main.pay/a.move"),
        a_step("main.go", "waiting", kind="wait", signal="approved"),
        a_step("main.late", "running"),
        a_step("main.bad", "failed", failures=2, error=error),
        a_step("main.charge~rollback"),
    ) == [
        "steps",
        "├── main.charge  completed  1.5 s  action",
        "│   └── rollback  completed  1.5 s  action",
        "├── main.pay  completed  1.5 s  child",
        "│   └── a.move  completed  1.5 s  action",
        "├── main.go  waiting  wait  signal approved",
        "├── main.late  running  2.5 s  action",
        "└── main.bad  failed  action  2 failed  TIMEOUT: too slow by far",
    ]


def a_held_feature(store: str) -> str:
    """Run a feature until it waits; return its job."""
    handlers = Handlers()

    @handlers.job("pack")
    async def pack() -> int:
        return 1

    async def held() -> str:
        async with Ductape.open(store, handlers=handlers) as ductape:
            events = [{"event": "pack"}, {"type": "wait", "event": "approved"}]
            feature = {"tag": "order", "sequence": [{"tag": "main", "events": events}]}
            jobs = [{"tag": "pack", "handler": "python"}]
            product = {"tag": "shop", "envs": [{"slug": "dev"}], "jobs": jobs}
            await ductape.products.apply({**product, "features": [feature]})
            job = {
                "product_tag": "shop",
                "env": "dev",
                "event": "order",
                "input": {},
                "start_at": 0,
            }
            job_id = (await ductape.processor.job.dispatch(job))["job_id"]
            async for view in ductape.jobs.watch(job_id):
                if view["status"] == "scheduled":
                    return job_id
        raise AssertionError("it did not wait")

    return asyncio.run(held())


def test_a_job_s_steps_are_shown_and_signalled(terminal: Terminal, tmp_path: Path) -> None:
    job_id = a_held_feature(f"sqlite:///{tmp_path / 'ductape.db'}")
    assert "main.approved  waiting" in terminal("jobs", "show", job_id).out
    shown = json.loads(terminal("jobs", "steps", job_id, "--json").out)
    assert [step["path"] for step in shown] == ["main.pack", "main.approved"]
    sent = terminal("jobs", "signal", job_id, "approved", '{"by": "ada"}', "--json")
    assert json.loads(sent.out) == {"job_id": job_id, "name": "approved", "changed": True}
    assert terminal("jobs", "signal", job_id, "approved", "{").code == 2
    assert terminal("jobs", "signal", "nobody", "approved").code == 2
