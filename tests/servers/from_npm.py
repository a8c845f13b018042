"""Azurite, which npm has: `make test` asks for it, and says so where it cannot be had.

Node and npm themselves come with the test requirements. The tests that need Azurite are left out
where the registry has none, each with the reason.
"""

import os
import subprocess
import sys

from tests.servers.buckets import NODE, NPM_FOLDER, azurite_program

PACKAGE = "azurite@3"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def main() -> int:
    """Install it, if it is missing; return the exit code."""
    if azurite_program() is not None:
        return 0
    NPM_FOLDER.mkdir(parents=True, exist_ok=True)
    words = ("install", "--no-audit", "--no-fund", "--loglevel=error", PACKAGE)
    done = subprocess.run(  # noqa: S603 (programs of our own environment)
        [NODE, NPM, *words],
        cwd=NPM_FOLDER,
        env={**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        print("Azurite could not be installed: storages on Azure are not tested")  # noqa: T201 (to the terminal)
    return 0


if __name__ == "__main__":
    sys.exit(main())
