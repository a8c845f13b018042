"""What to do where nobody knows whether a job was stored: its key makes a second call safe."""

from ductape.errors import StoreError

CALL_AGAIN = "make the call again: under the same `key` no job is stored twice"


def advise(error: StoreError) -> None:
    """Say of an error that leaves open whether jobs were stored what their caller can do."""
    if error.in_doubt:
        error.hint = CALL_AGAIN
