"""Simulated time, and a harness for tests: ours and our users'.

    from ductape.testing import Harness, run

    def test_an_invoice_is_tried_again(tmp_path: Path) -> None:
        async def scenario(harness: Harness) -> None:
            result = await harness.ductape.processor.job.schedule({...})

        run(scenario, tmp_path, handlers=handlers, product=PRODUCT)

A day of recurrences takes seconds, and the same seed tells the same story each time.
"""

from ductape.testing.entropy import SeededEntropy
from ductape.testing.harness import Harness, run, simulated_ductape
from ductape.testing.loop import START_MS, Stuck, VirtualClock, VirtualLoop, virtual_loop

__all__ = [
    "START_MS",
    "Harness",
    "SeededEntropy",
    "Stuck",
    "VirtualClock",
    "VirtualLoop",
    "run",
    "simulated_ductape",
    "virtual_loop",
]
