"""Another process that dispatches: `python -m bench.dispatching URL EVENT COUNT PAUSE_S`.

It awaits each dispatch, and puts the machine's monotonic clock into the job's input. Prints a line
once the store is open, and at the end, or as its standard input is closed, a line of JSON: how many
it has dispatched, and how many a second.
"""

import asyncio
import json
import sys
import time

from bench.figures import JOB, Probe, opened


async def dispatch(url: str, event: str, count: int, pause_s: float) -> dict[str, float]:
    """Dispatch up to `count` jobs, `pause_s` apart."""
    async with opened(url, Probe(), worker=False) as ductape:
        print("ready", flush=True)
        told_to_end = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        start, done = time.perf_counter(), 0
        while done < count and not told_to_end.done():
            await asyncio.sleep(pause_s)
            given = {"sent_ns": time.monotonic_ns()}
            await ductape.processor.job.dispatch({**JOB, "event": event, "input": given})
            done += 1
        rate = done / (time.perf_counter() - start)
        await told_to_end
        return {"count": done, "rate": rate}


if __name__ == "__main__":
    url, event, count, pause_s = sys.argv[1:]
    print(json.dumps(asyncio.run(dispatch(url, event, int(count), float(pause_s)))))
