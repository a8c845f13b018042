"""Where a product's document comes from, told beside what is wrong with it (SPEC 8, 12)."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import PurePath

from ductape.errors import Fault, ValidationError


@contextmanager
def naming_file(source: object) -> Generator[None]:
    """Let every fault's sentence begin with the file that the document stands in, if in any.

    The paths stay those of the document: programs read them.
    """
    try:
        yield
    except ValidationError as error:
        if not isinstance(source, str | PurePath):
            raise
        raise ValidationError([_in_file(one, source) for one in error.errors]) from error


def _in_file(wrong: Fault, source: str | PurePath) -> Fault:
    return {**wrong, "message": f"{source}: {wrong['message']}"}
