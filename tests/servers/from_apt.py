"""Programs that the tests use and that come with the system's packages: `make test` asks for them.

Only what is missing is installed, and only by root; to everybody else it is said what to do, and
the tests that need it are left out, each with the reason.
"""

import os
import shutil
import subprocess
import sys

from tests.servers.pgbouncer import program

APT = "/usr/bin/apt-get"
NO_SERVICES = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
"""Nothing is asked, and no service is started: the tests start their own."""


def main() -> int:
    """Install what is missing, if we may; return the exit code."""
    if program() is not None:
        return 0
    if os.geteuid() != 0 or shutil.which(APT) is None:
        print("pgbouncer is missing, tests behind it are left out: apt-get install pgbouncer")  # noqa: T201 (to the terminal)
        return 0
    words = ("install", "-qq", "--no-install-recommends", "pgbouncer")
    for each in (("update", "-qq"), words):
        done = subprocess.run(  # noqa: S603 (the system's program)
            [APT, "-y", *each],
            env={**os.environ, **NO_SERVICES},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            print("pgbouncer could not be installed, tests behind it are left out")  # noqa: T201 (as above)
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
