"""References and operators in text: one grammar, one parser, one resolver (SPEC 6).

`check`, `uses` and `missing` judge a value when it is scheduled; `resolve` puts the values in, for
each attempt; `sensitive_texts` tells what to mask afterwards.
"""

from ductape.domain.references.check import check, count_uses
from ductape.domain.references.grammar import DEEPEST, MOST_USES, parse
from ductape.domain.references.live import LIVE, Live, live_in_input
from ductape.domain.references.resolve import Use, missing, resolve, sensitive_texts, uses
from ductape.domain.references.scope import Scope, Source, scope, session_source, tree_source
from ductape.domain.references.syntax import Template
from ductape.domain.references.values import leaf_texts
from ductape.domain.references.walk import literal, needs_resolving

__all__ = [
    "DEEPEST",
    "LIVE",
    "MOST_USES",
    "Live",
    "Scope",
    "Source",
    "Template",
    "Use",
    "check",
    "count_uses",
    "leaf_texts",
    "literal",
    "live_in_input",
    "missing",
    "needs_resolving",
    "parse",
    "resolve",
    "scope",
    "sensitive_texts",
    "session_source",
    "tree_source",
    "uses",
]
