"""What is not needed to say what there is to do is not loaded: a command's help is quick."""

import subprocess
import sys

HEAVY = {"aiohttp", "apsw", "cryptography", "ductape.domain.product", "ductape.app.core", "psycopg"}


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a process has after a statement."""
    program = f"{statement}; import sys; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, capture_output=True, check=True, text=True)  # noqa: S603 (this Python)
    return set(told.stdout.split())


def test_the_command_loads_no_store_no_client_and_no_product_to_say_what_it_can() -> None:
    assert not HEAVY & loaded_by("import ductape.cli.main")


def test_the_package_loads_nothing_of_its_own() -> None:
    parts = {one for one in loaded_by("import ductape") if one.startswith("ductape.")}
    assert not parts
