"""Looking a store over: what the database says of itself, and what must hold between rows."""

from typing import TypedDict

from ductape.ports.stores import Store
from ductape.ports.stores.checking import RULES

MOST_TOLD = 20
"""Of each rule: who has more is in such trouble that the first ones will do."""


class FindingView(TypedDict):
    """Something that should not be."""

    rule: str
    """`database`, `unfinished_copy`, or the rule that a job breaks."""
    job_id: str | None
    said: str


async def look_over(store: Store) -> list[FindingView]:
    """Return what is wrong with a store, changing nothing; at most 20 findings of each rule."""
    damage = await store.checking.damage(most=MOST_TOLD)
    found = [FindingView(rule="database", job_id=None, said=said) for said in damage]
    origin = await store.copying.unfinished()
    if origin is not None:
        said = f"the store is an unfinished copy of {origin}"
        found.append(FindingView(rule="unfinished_copy", job_id=None, said=said))
    for rule, said in RULES.items():
        found += [
            FindingView(rule=rule, job_id=job_id, said=f"job {job_id} {said}")
            for job_id in await store.checking.breaches(rule, most=MOST_TOLD)
        ]
    return found
