"""What a past and a future cost: a drain beside finished and not yet due jobs, and one without.

Both are made by the store's own means: the past was drained, the future dispatched. The pairs are
measured by turns, so that a disk that grows slow meets both.
"""

import statistics

from bench.figures import Scale, Stopwatch, fill, opened
from bench.grounds import Ground
from bench.report import Row

PAIRS = 5
FAR_AWAY = 4_000_000_000


async def backlog(ground: Ground, scale: Scale) -> list[Row]:
    """Drain beside a backlog and without, pair by pair; the median share in per cent."""
    plain, full = await ground.store("plain"), await ground.store("full")
    await _drain(full, scale.backlog)
    await fill(full, scale.backlog, start_at=FAR_AWAY)
    shares: list[float] = []
    for _ in range(min(PAIRS, scale.pairs)):
        without, beside = [await _drain(url, scale.beside) for url in (plain, full)]
        shares.append(beside / without * 100)
    figure = f"drain beside {scale.backlog:,} old, as many future jobs"
    note = f"of one without; the pairs: {', '.join(f'{share:.0f}' for share in shares)} %"
    return [Row(figure, statistics.median(shares), "%", note=note)]


async def _drain(url: str, count: int) -> float:
    """Return jobs a second from the first handler's call to the last one's."""
    await fill(url, count)
    probe = Stopwatch()
    probe.expect(count)
    async with opened(url, probe, worker=True):
        await probe.all_called.wait()
        return probe.rate()
