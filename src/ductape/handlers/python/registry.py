"""The registry of Python functions, without global state (SPEC 8).

    handlers = Handlers()

    @handlers.job("send_invoice")
    async def send_invoice(input: Invoice, ctx: AsyncContext) -> dict[str, str]: ...

A function is async, or sync and run in a thread. Its first parameter takes the input, its second,
or one named `ctx` or `context`, the context.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import (
    Parameter,
    get_annotations,
    iscoroutinefunction,
    isroutine,
    signature,
)
from types import SimpleNamespace
from typing import Literal, TypeVar, get_type_hints

from ductape.errors import Conflict, invalid

F = TypeVar("F", bound=Callable[..., object])

LONGEST_TAG = 200
"""Characters, as of every tag (SPEC 1)."""

_CONTEXT_NAMES = frozenset({"ctx", "context"})
_VARIABLE = frozenset({Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD})
_POSITIONAL = frozenset({Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD})


Role = Literal["input", "context"]


@dataclass(frozen=True, slots=True)
class Registered:
    """One function and how it wants to be called."""

    function: Callable[..., object]
    is_async: bool
    positional: tuple[Role, ...]
    """What its first parameters take, in order."""
    context_name: str | None = None
    """The parameter that takes the context by name; none if it takes it by position or not."""
    input_name: str | None = None
    """The parameter that takes the input; none if the function wants none."""

    def input_type(self) -> object:
        """Return the annotation of the input, resolved; none where there is none.

        Raises `ValidationError` for an annotation that names what the module does not have.
        """
        carrier = _annotated(self.function)
        annotations: dict[str, object] = get_annotations(carrier)
        if self.input_name is None or self.input_name not in annotations:
            return None
        # Alone: the other annotations may name what only a type checker imports.
        alone = SimpleNamespace(__annotations__={"input": annotations[self.input_name]})
        try:
            return get_type_hints(alone, carrier.__globals__, include_extras=True)["input"]
        except NameError as error:
            wanted = "an input annotation that the handler's module can resolve"
            raise invalid(_name(self.function), wanted, str(error)) from error

    @property
    def wants_context(self) -> bool:
        """Whether it takes the context at all."""
        return self.context_name is not None or "context" in self.positional

    def call(self, given: object, context: object) -> object:
        """Call the function with what it wants of the two."""
        values = [given if role == "input" else context for role in self.positional]
        if self.context_name is None:
            return self.function(*values)
        return self.function(*values, **{self.context_name: context})


class Handlers:
    """Functions by tag, as `job:tag`, `function:tag` and `feature:tag`."""

    def __init__(self) -> None:
        self._registered: dict[str, Registered] = {}

    def job(self, tag: str) -> Callable[[F], F]:
        """Register a job's handler; the decorated function stays as it is."""
        return self._decorator("job", tag)

    def function(self, tag: str) -> Callable[[F], F]:
        """Register a function, which is called with the input's `payload`."""
        return self._decorator("function", tag)

    def feature(self, tag: str) -> Callable[[F], F]:
        """Register a feature: an async function whose context does durable steps."""
        return self._decorator("feature", tag)

    def tags(self) -> frozenset[str]:
        """Return what a worker with this registry can do, as `job:tag`."""
        return frozenset(self._registered)

    def find(self, tag: str) -> Registered | None:
        """Return the function behind `job:tag`; none if there is none."""
        return self._registered.get(tag)

    def items(self) -> Iterable[tuple[str, Registered]]:
        """Return every tag with its function."""
        return self._registered.items()

    def add_all(self, other: "Handlers") -> None:
        """Take over another registry's functions; raises `Conflict` for a tag of both."""
        for tag, registered in other.items():
            self._add(tag, registered)

    def _decorator(self, kind: str, tag: str) -> Callable[[F], F]:
        if not isinstance(tag, str):  # pyright: ignore[reportUnnecessaryIsInstance] (a user's)
            wanted = f"a tag of 1 to {LONGEST_TAG} characters"
            raise invalid("tag", wanted, "none", hint=f'write `@handlers.{kind}("tag")`')
        if not tag or len(tag) > LONGEST_TAG:
            raise invalid("tag", f"a tag of 1 to {LONGEST_TAG} characters", f"{len(tag)}")

        def register(function: F) -> F:
            registered = inspected(function)
            if kind == "feature" and not registered.is_async:
                raise invalid(_name(function), "an async function for a feature", "a sync one")
            self._add(f"{kind}:{tag}", registered)
            return function

        return register

    def _add(self, tag: str, registered: Registered) -> None:
        if tag in self._registered:
            raise Conflict(
                f"a handler for {tag} is registered already",
                path=tag,
                hint="a tag has one handler: rename one of them, or leave it out",
            )
        self._registered[tag] = registered


def merge(*registries: Handlers) -> Handlers:
    """Return one registry with the functions of all; raises `Conflict` for a tag of two."""
    merged = Handlers()
    for registry in registries:
        merged.add_all(registry)
    return merged


def inspected(function: Callable[..., object]) -> Registered:
    """Find out how a function wants to be called; raises `ValidationError` if it cannot be."""
    try:
        parameters = list(signature(function).parameters.values())
    except (TypeError, ValueError) as error:  # no function, or one that is written in C
        raise invalid("handler", "a function of an input and a context", str(error)) from error
    places = [one for one in parameters if one.kind in _POSITIONAL]
    context = _context_of(parameters, places)
    given = next((one for one in places if one is not context), None)
    used = [one for one in (given, context) if one is not None]
    _check_rest(function, parameters, used)
    leading = [one for one in places[:2] if one in used]
    return Registered(
        function=function,
        is_async=iscoroutinefunction(function) or iscoroutinefunction(_annotated(function)),
        positional=tuple("input" if one is given else "context" for one in leading),
        context_name=context.name if context and context not in leading else None,
        input_name=given.name if given else None,
    )


def _context_of(parameters: list[Parameter], places: list[Parameter]) -> Parameter | None:
    for parameter in parameters:
        if parameter.name in _CONTEXT_NAMES:
            return parameter
    # A second parameter with a default is the function's own business.
    return places[1] if len(places) > 1 and places[1].default is Parameter.empty else None


def _check_rest(
    function: Callable[..., object], parameters: list[Parameter], used: list[Parameter]
) -> None:
    left = [
        one.name
        for one in parameters
        if one not in used and one.kind not in _VARIABLE and one.default is Parameter.empty
    ]
    if left:
        found = f"also {', '.join(left)}"
        raise invalid(_name(function), "a handler of an input and a context", found)


def _annotated(function: Callable[..., object]) -> Callable[..., object]:
    """Return what carries the annotations: the function, or `__call__` of a callable object."""
    return function if isroutine(function) else type(function).__call__


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)
