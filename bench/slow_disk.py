"""A slower disk: every program of a run waits longer at each sync, by a shim under the C library.

A commit's price is the disk's, from 0.1 ms to several; group commit is there so that it need not
be paid for each job. The shim is compiled here by the machine's C compiler, and goes to the
servers of the run too.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

VARIABLE = "BENCH_SYNC_US"
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
static int later(const char *name, int file) {
    int (*sync)(int) = dlsym(RTLD_NEXT, name);
    usleep(atoi(getenv("BENCH_SYNC_US")));
    return sync(file);
}
int fsync(int file) { return later("fsync", file); }
int fdatasync(int file) { return later("fdatasync", file); }
"""


def again(words: Sequence[str], sync_ms: float) -> int:
    """Run `python -m bench` anew, each sync `sync_ms` milliseconds longer; return its exit code."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("bench: a slower disk needs a C compiler (`cc`)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="ductape-bench-") as made:
        folder = Path(made)
        folder.chmod(0o755)  # the server has a user of its own
        source, shim = folder / "sync.c", folder / "sync.so"
        source.write_text(SHIM, "ascii")
        options = ("-shared", "-fPIC", "-o", shim, source, "-ldl")
        subprocess.run((compiler, *options), check=True)  # noqa: S603 (the machine's compiler)
        slower = {"LD_PRELOAD": str(shim), VARIABLE: str(round(sync_ms * 1_000))}
        command = (sys.executable, "-m", "bench", *words)
        return subprocess.run(command, env={**os.environ, **slower}, check=False).returncode  # noqa: S603 (ourselves)


def sync_ms() -> float | None:
    """Return how many milliseconds longer each sync takes in this run, if it does."""
    slower = os.environ.get(VARIABLE)
    return None if slower is None else int(slower) / 1_000
