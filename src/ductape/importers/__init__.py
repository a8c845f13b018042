"""Apps made of the documents that their makers publish: OpenAPI and Postman (SPEC 13).

Pure but for `reading`, which has the files and the guarded client.
"""

from ductape.importers.gathering import gather
from ductape.importers.given_auth import EXPECTED as EXPECTED_AUTH
from ductape.importers.given_auth import is_auth
from ductape.importers.making import Format, make
from ductape.importers.options import Options
from ductape.importers.products import envs_of
from ductape.importers.reading import Reader
from ductape.importers.report import Imported, LeftOut, Skipped
from ductape.importers.tags import is_tag
from ductape.importers.writing import SUFFIXES, written

__all__ = [
    "EXPECTED_AUTH",
    "SUFFIXES",
    "Format",
    "Imported",
    "LeftOut",
    "Options",
    "Reader",
    "Skipped",
    "envs_of",
    "gather",
    "is_auth",
    "is_tag",
    "make",
    "written",
]
