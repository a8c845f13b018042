"""What a pruned run leaves behind elsewhere: the key of its job, its steps."""

from collections.abc import Iterable

from ductape.stores.postgres.transaction import Transaction


async def free_keys(transaction: Transaction, jobs: Iterable[str]) -> None:
    """Free the keys of those jobs that are nowhere any more."""
    listed = sorted(set(jobs))
    if listed:
        await transaction.change("job_keys", "free", {"jobs": listed})
