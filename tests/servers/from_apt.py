"""Programs that the tests use and that come with the system's packages: `make test` asks for them.

Only what is missing is installed, and only by root; to everybody else it is said what to do, and
the tests that need it are left out, each with the reason.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping

from tests.servers import mariadb, pgbouncer, rabbitmq

APT = "/usr/bin/apt-get"
NO_SERVICES = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
"""Nothing is asked, and no service is started: the tests start their own."""

PACKAGES: Mapping[str, Callable[[], object]] = {
    "mariadb-server": mariadb.programs,
    "pgbouncer": pgbouncer.program,
    "rabbitmq-server": rabbitmq.program,
}
"""What is needed, and what finds it: one row a package."""


def main() -> int:
    """Install what is missing, if we may; return the exit code."""
    missing = [name for name, found in PACKAGES.items() if found() is None]
    if not missing:
        return 0
    if os.geteuid() != 0 or shutil.which(APT) is None:
        _say(f"missing: apt-get install {' '.join(missing)}")
        return 0
    words = ("install", "-qq", "--no-install-recommends", *missing)
    for each in (("update", "-qq"), words):
        done = subprocess.run(  # noqa: S603 (the system's program)
            [APT, "-y", *each],
            env={**os.environ, **NO_SERVICES},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            _say(f"could not be installed: {' '.join(missing)}")
            return 0
    return 0


def _say(what: str) -> None:
    print(f"{what}; the tests behind it are left out")  # noqa: T201 (to the terminal)


if __name__ == "__main__":
    sys.exit(main())
