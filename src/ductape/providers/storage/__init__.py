"""Files in folders and buckets."""

from ductape.providers.storage.choosing import StoredFiles
from ductape.providers.storage.confined import Roots
from ductape.providers.storage.files import ConfinedFiles
from ductape.providers.storage.local import LocalBlobs
from ductape.providers.storage.tunnel import Tunnel

__all__ = ["ConfinedFiles", "LocalBlobs", "Roots", "StoredFiles", "Tunnel"]
