"""The example of a Python and an HTTP function runs as its README says."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from aiohttp.test_utils import unused_port

from tests.pages import ROOT, expected_print, run_command

EXAMPLE = ROOT / "examples/function"


async def test_both_functions_answer(tmp_path: Path) -> None:
    port = str(unused_port())
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "function"))
    document = (folder / "product.yaml").read_text(encoding="utf-8").replace("8110", port)
    (folder / "product.yaml").write_text(document, encoding="utf-8")
    cloud = await asyncio.create_subprocess_exec(
        sys.executable, folder / "cloud.py", port, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert cloud.stdout is not None
        assert await cloud.stdout.readline() == f"listening on port {port}\n".encode()
        printed = await run_command([sys.executable, "call.py"], folder, os.environ)
    finally:
        cloud.terminate()
        await cloud.wait()
    assert printed == expected_print(EXAMPLE / "README.md")
