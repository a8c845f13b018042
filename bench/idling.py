"""An idle worker in a process of its own: `python -m bench.idling URL SECONDS`.

Prints one line of JSON: the share of a core that it took, in percent, and its memory in MiB.
"""

import asyncio
import json
import resource
import sys
from pathlib import Path

from bench.grounds import SETTINGS
from ductape import Ductape, Handlers

SETTLES_S = 1.0
"""What opening sets going is over by then."""


async def idle(url: str, span_s: float) -> dict[str, float]:
    """Let a worker wait for a while."""
    handlers = Handlers()

    @handlers.job("noop")
    async def noop(given: dict[str, int]) -> dict[str, int]:
        return given

    async with Ductape.open(url, config=SETTINGS, handlers=handlers):
        await asyncio.sleep(min(SETTLES_S, span_s))
        before = _cpu_s()
        await asyncio.sleep(span_s)
        share = (_cpu_s() - before) / span_s * 100
        return {"share": share, "mib": _memory_mib()}


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _memory_mib() -> float:
    """Return what the process has resident now."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    [resident] = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(resident) / 1024


if __name__ == "__main__":
    print(json.dumps(asyncio.run(idle(sys.argv[1], float(sys.argv[2])))))
