"""Azurite, which npm has: `make test` asks for it, and says so where it cannot be had.

The tests that need it are left out then, each with the reason.
"""

import shutil
import subprocess
import sys

from tests.servers.buckets import NPM_FOLDER, azurite_program

PACKAGE = "azurite@3"


def main() -> int:
    """Install it, if it is missing and npm is there; return the exit code."""
    if azurite_program() is not None:
        return 0
    npm = shutil.which("npm")
    if npm is None:
        print("npm is missing: storages on Azure are not tested (Azurite comes from it)")  # noqa: T201 (to the terminal)
        return 0
    NPM_FOLDER.mkdir(parents=True, exist_ok=True)
    words = ("install", "--no-audit", "--no-fund", "--loglevel=error", PACKAGE)
    done = subprocess.run(  # noqa: S603 (the system's program)
        [npm, *words], cwd=NPM_FOLDER, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        print("Azurite could not be installed: storages on Azure are not tested")  # noqa: T201 (as above)
    return 0


if __name__ == "__main__":
    sys.exit(main())
