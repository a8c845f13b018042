"""What a story comes to, in figures and in a few lines for people."""

from collections import Counter

from torture.judge import Case
from torture.story import Told

MOST_SHOWN = 20


def figures(told: Told) -> dict[str, object]:
    """Return what was done and what was found, ready for JSON. Spans are milliseconds."""
    case, plan = told.case, told.plan
    return {
        "store": plan.kind,
        "seed": plan.seed,
        "trouble_s": plan.trouble_s,
        "took_s": round(told.took_s, 1),
        "troubles": told.troubles,
        "clocks_apart_ms": max(told.clocks_ms) - min(told.clocks_ms),
        **_work(case),
        "allowed_ms": plan.allowed_ms,
        "broken": list(told.broken),
    }


def lines_of(told: Told) -> list[str]:
    """Return the report."""
    found, plan = figures(told), told.plan
    troubles = ", ".join(f"{name} {n} times" for name, n in sorted(told.troubles.items()))
    broken = [f"  BROKEN    {one}" for one in told.broken[:MOST_SHOWN]]
    more = len(told.broken) - MOST_SHOWN
    return [
        f"{plan.kind}: {plan.trouble_s:g} s of trouble, {found['took_s']} s in all",
        f"  again     --store {plan.kind} --seconds {plan.trouble_s:g} --seed {plan.seed}",
        f"  work      {found['jobs']} jobs and {found['unsure']} that nobody is sure of",
        f"  recurring {found['recurrences']} jobs with {found['occurrences']} occurrences",
        f"  calls     {found['calls']} of handlers; attempts: {found['attempts']}",
        f"  trouble   {troubles}",
        f"  clocks    {found['clocks_apart_ms']} ms apart",
        f"  taken     {found['taken_over']} runs of dead or frozen workers were taken over",
        f"  besides   {found['lost_to_outages']} runs were lost while their worker had no server",
        f"  slowest   take-over: {found['slowest_take_over_ms']} of {plan.allowed_ms} ms allowed",
        f"  refused   {found['refused']} results, of attempts that had lost their run",
        *broken,
        *([f"  BROKEN    and {more} more"] if more > 0 else []),
        f"  verdict   {'every promise was kept' if not told.broken else 'BROKEN'}",
    ]


def _work(case: Case) -> dict[str, object]:
    statuses = Counter(tried.status for row in case.history for tried in row.attempts)
    return {
        "jobs": sum(asked.job is not None and not asked.recurs for asked in case.asked),
        "unsure": sum(asked.job is None for asked in case.asked),
        "recurrences": sum(bool(asked.recurs) for asked in case.asked),
        "occurrences": sum(row.event == "tick" for row in case.history),
        "calls": len(case.calls),
        "attempts": ", ".join(f"{n} {status}" for status, n in sorted(statuses.items())),
        "told": len(case.told),
        "taken_over": len(case.losses),
        "lost_to_outages": statuses["lost"] - len(case.losses),
        "slowest_take_over_ms": max((loss.after_ms for loss in case.losses), default=0),
        "refused": case.refused(),
    }
