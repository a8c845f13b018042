"""What the products define: documents read from files, and the catalog that is asked by name."""

from ductape.catalog.documents import Source, load_document
from ductape.catalog.products import KnownHandlers, ProductCatalog

__all__ = ["KnownHandlers", "ProductCatalog", "Source", "load_document"]
