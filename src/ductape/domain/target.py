"""What an event resolves to: the thing to execute, with its definition for one env.

`definition` is plain JSON, references (`$Secret{…}`, `$Variable{…}{…}`) unresolved: the worker
resolves them for each attempt, then the kind's handler decodes it into the struct of its kind.
"""

from msgspec import Struct, field

from ductape.domain.jsonvalue import JsonObject, JsonValue
from ductape.domain.request import JobEventTypes


class Target(Struct, frozen=True):
    """One resolved event."""

    kind: JobEventTypes
    event: str
    """Its canonical address, as `orders:confirm` or `create_order`."""
    definition: JsonObject
    digest: bytes
    """Of the definition: part of the cache key (SPEC 7)."""
    app: str | None = None
    needs: str | None = None
    """The handler tag that a worker must have, as `job:tag`, `function:tag` or `feature:tag`."""
    sensitive: bool = False
    calls_features: bool = False
    """Whether anything that it calls is a feature."""
    reads_session: bool = False
    """Whether its mappings, or those of what it calls, may read the run's session: its results are
    that session's then, whatever the input (SPEC 7)."""
    result_storage: str | None = None
    """The product's storage for results that are too large for the store."""
    refers: bool = True
    """False where no part of it holds a reference: nothing has to be resolved for an attempt."""
    variables: dict[str, dict[str, JsonValue]] = field(
        default_factory=dict[str, dict[str, JsonValue]]
    )
    """`$Variable{app}{key}`: app → key → value, for this env."""
    constants: dict[str, dict[str, JsonValue]] = field(
        default_factory=dict[str, dict[str, JsonValue]]
    )
    timeout_ms: int | None = None
    """How long an attempt may take unless the request says; none means as long as any."""
    mappings: JsonObject = field(default_factory=dict[str, JsonValue])
    """What the kind's handler fills itself, from `$Input`, `$Response` and the like: not touched
    when the definition is resolved."""
    auths: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """`$Auth{tag}{field}` of the target's own app."""

    @property
    def stepwise(self) -> bool:
        """Whether what it does is recorded step by step: a feature, or what may call one."""
        return self.calls_features or self.kind is JobEventTypes.FEATURE
