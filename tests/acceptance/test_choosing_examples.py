"""The examples of quotas, fallbacks, healthchecks and schedules print what they promise."""

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from tests.pages import ROOT

PRINTED = {
    "quotas": [
        "1: sent `hello 1`, 2 left",
        "2: sent `hello 2`, 1 left",
        "3: sent `hello 3`, 0 left",
        "4: QUOTA_EXCEEDED",
    ],
    "fallbacks": [
        "EDE-1 by dear, not by cheap:",
        "  HANDLER_ERROR: no car for Ede",
        "EDE-1 by dear, not by cheap:",
        "  HANDLER_ERROR: no car for Ede",
        "EDE-1 by dear, not by cheap:",
        "  CIRCUIT_OPEN: it keeps failing: skipped until it has cooled down",
    ],
    "schedules": [
        "version 1:",
        "  stock in dev created",
        "  stock in prd created",
        "version 1:",
        "  nothing to do",
        "completed after 3 runs: 12 on shelf A",
        "version 2:",
        "  stock in prd changed",
        "version 3:",
        "  stock in prd ended",
    ],
    "healthchecks": ["healthy: by truck", "unhealthy: by bike", "healthy: by truck"],
}


@pytest.mark.parametrize("name", PRINTED)
async def test_an_example_prints_what_it_promises(name: str) -> None:
    script = ROOT / "examples" / name / "run.py"
    process = await asyncio.create_subprocess_exec(sys.executable, script, stdout=PIPE, stderr=PIPE)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert out.decode().splitlines() == PRINTED[name], err.decode()
