"""The product: its document as frozen values, what is wrong with it, what its events name.

`parse_product` makes a `Product` of a document (SPEC 8); `resolve` and `choose` find the target
of an event; `secrets_of` and `differences` tell people what applying it means. The structs of the
document are in `format`, its rules in `rules`, and what each kind of event resolves to in `kinds`.
"""

from ductape.domain.product.addresses import addresses, reachable
from ductape.domain.product.checks import all_checks
from ductape.domain.product.choice import Choice, TopicChoice, choose
from ductape.domain.product.declared import Declared, all_declared, asked
from ductape.domain.product.difference import Change, differences
from ductape.domain.product.format.document import Product, Session, Verify
from ductape.domain.product.kinds import subscriptions
from ductape.domain.product.missing import no_such
from ductape.domain.product.parsing import Rule, parse_product, stored_product
from ductape.domain.product.resolution import Question, handler_tags, resolve
from ductape.domain.product.rules.callees import undeclared
from ductape.domain.product.rules.features import length_faults
from ductape.domain.product.rules.options import zone_faults
from ductape.domain.product.rules.references import secrets_of
from ductape.domain.product.rules.schedules import at_place, request_of, schedule_faults
from ductape.domain.product.rules.sessions import expiry_ms, shared_key, user_path
from ductape.domain.product.rules.trials import trying_faults

__all__ = [
    "Change",
    "Choice",
    "Declared",
    "Product",
    "Question",
    "Rule",
    "Session",
    "TopicChoice",
    "Verify",
    "addresses",
    "all_checks",
    "all_declared",
    "asked",
    "at_place",
    "choose",
    "differences",
    "expiry_ms",
    "handler_tags",
    "length_faults",
    "no_such",
    "parse_product",
    "reachable",
    "request_of",
    "resolve",
    "schedule_faults",
    "secrets_of",
    "shared_key",
    "stored_product",
    "subscriptions",
    "trying_faults",
    "undeclared",
    "user_path",
    "zone_faults",
]
