"""Making a `Product` of a plain document: every fault at once, each at its path (SPEC 8)."""

from collections.abc import Callable, Collection, Iterable
from itertools import islice

import msgspec

from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.format.document import Product
from ductape.domain.product.rules.auths import auth_faults
from ductape.domain.product.rules.brokers import broker_faults
from ductape.domain.product.rules.calls import calling_faults
from ductape.domain.product.rules.credentials import credential_faults
from ductape.domain.product.rules.databases import database_faults
from ductape.domain.product.rules.features import feature_faults
from ductape.domain.product.rules.healthchecks import check_faults
from ductape.domain.product.rules.messages import message_faults
from ductape.domain.product.rules.names import naming_faults
from ductape.domain.product.rules.options import choosing_faults
from ductape.domain.product.rules.reach import reach_faults
from ductape.domain.product.rules.references import linking_faults
from ductape.domain.product.rules.sessions import session_faults
from ductape.domain.product.rules.storages import storage_faults
from ductape.domain.product.rules.trials import trying_faults
from ductape.domain.product.rules.variants import variant_faults
from ductape.domain.product.rules.webhooks import told_faults
from ductape.domain.product.shape import MOST_FAULTS, fitted
from ductape.errors import Fault, ValidationError

_RULES = (
    naming_faults,
    credential_faults,
    variant_faults,
    auth_faults,
    reach_faults,
    message_faults,
    database_faults,
    storage_faults,
    session_faults,
    broker_faults,
    linking_faults,
    choosing_faults,
    calling_faults,
    check_faults,
    feature_faults,
    told_faults,
)


Rule = Callable[[Product], Iterable[Fault]]
"""Tells what is wrong with a product."""


def parse_product(document: JsonObject, *, also: Rule | None = None, tried: bool = True) -> Product:
    """Make a product of a document, or raise one `ValidationError` with every fault.

    `also` is a rule for who applies the document; one that was stored is not held against it.
    Unless it is `tried`, what it runs by itself is not judged.
    """
    faults: list[Fault] = []
    product = fitted(Product, document, faults)
    refused = {known["path"] for known in faults}
    rules = _RULES if also is None else (*_RULES, also)
    found = (new for rule in rules for new in rule(product))
    new_ones = (new for new in found if not _of_stand_in(new["path"], refused))
    faults += islice(new_ones, max(MOST_FAULTS - len(faults), 0))
    faults += islice(trying_faults(product) if tried and not faults else (), MOST_FAULTS)
    if faults:
        raise ValidationError(faults[:MOST_FAULTS])
    return product


def stored_product(document: JsonObject) -> Product:
    """Make a product of a document that was taken once: no rule is held against it any more."""
    return msgspec.convert(document, Product)


def _of_stand_in(path: str, refused: Collection[str]) -> bool:
    """Tell whether a rule judged what stands in for something that was refused already.

    >>> _of_stand_in("auths[0].name", {"auths[0].type"}), _of_stand_in("tag", {"auths[0].type"})
    (True, False)
    """
    return path in refused or f"{path.rpartition('.')[0]}.type" in refused
