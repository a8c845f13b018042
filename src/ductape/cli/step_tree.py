"""A feature's steps as a tree: children below their step, what undoes one below it (SPEC 9)."""

from collections.abc import Sequence

from rich.text import Text
from rich.tree import Tree

from ductape.cli.drawing import output, times
from ductape.cli.job_pages import error_text
from ductape.domain.steps import UNDOING
from ductape.domain.wire import StepView


def step_tree(steps: Sequence[StepView], now_ms: int) -> Tree:
    """Draw steps in the order in which they began; instants are epoch ms."""
    tree = Tree(Text("steps", "bold"), guide_style="dim")
    nodes: dict[str, Tree] = {}
    for step in steps:
        above = _above(step["path"])
        while above and above not in nodes:  # what is between is no step, as a fallback's option
            above = _above(above)
        nodes[step["path"]] = nodes.get(above, tree).add(_label(step, now_ms))
    return tree


def _above(path: str) -> str:
    """Name the step that another belongs below; nothing for the feature itself.

    >>> _above("main.pay/a.charge"), _above("main.ship~rollback"), _above("main.ship")
    ('main.pay', 'main.ship', '')
    """
    if path.endswith(UNDOING):
        return path.removesuffix(UNDOING)
    return path.rpartition("/")[0]


def _label(step: StepView, now_ms: int) -> Text:
    path = step["path"]
    name = "rollback" if path.endswith(UNDOING) else path.rpartition("/")[2]
    said = Text(f"{output.one_line(name)}  ").append_text(output.status_text(step["status"]))
    took = step["duration_ms"]
    if took is None and step["status"] == "running":
        took = max(now_ms - step["started_at"], 0)
    for part in (None if took is None else times.span(took), step["kind"], *_more(step, now_ms)):
        if part:
            said.append(f"  {output.one_line(part)}", "dim")
    return said


def _more(step: StepView, now_ms: int) -> list[str | None]:
    due, error = step["due_at"], step["error"]
    return [
        f"signal {step['signal']}" if step["status"] == "waiting" else None,
        None if due is None else f"until {times.full_time(due, now_ms)}",
        f"{step['failures']} failed" if step["failures"] else None,
        None if error is None else error_text(error),
    ]
