"""A function, as it is in an env: a Python handler, or the URL that answers for it there."""

from ductape.domain.definitions.function import FunctionAuth, FunctionTarget
from ductape.domain.jsonvalue import JsonObject
from ductape.domain.product.addresses import Address
from ductape.domain.product.format.document import Env, Product
from ductape.domain.product.format.function import Function, FunctionEnv
from ductape.domain.product.format.places import function_url_in
from ductape.domain.product.kinds.handler import handler_target
from ductape.domain.product.kinds.making import first, in_env, like, plain, target
from ductape.domain.product.missing import no_such
from ductape.domain.request import JobEventTypes
from ductape.domain.target import Target


def resolve_function(product: Product, env: Env, address: Address) -> Target:
    """Return the target of a declared function; raises `NotFound` where it has no URL in an env."""
    function = next(one for one in product.functions if one.tag == address.event)
    if function.handler is not None:
        needs = f"function:{function.tag}"
        definition: JsonObject = {} if function.input is None else {"input": function.input}
        return handler_target(
            product, env, needs, definition=definition, sensitive=function.sensitive
        )
    if function_url_in(function, env) is None:
        slugs = [one.slug for one in function.envs]
        raise no_such("env", f"env of function `{function.tag}`", env.slug, slugs)
    return target(
        product,
        env,
        JobEventTypes.FUNCTION,
        function.tag,
        plain(_function_in(env, function)),
        sensitive=function.sensitive,
    )


def _function_in(env: Env, function: Function) -> FunctionTarget:
    here = in_env(function.envs, env) or FunctionEnv(slug=env.slug)
    auth = here.auth or function.auth
    return FunctionTarget(
        url=function_url_in(function, env) or "",
        method=function.method,
        headers=function.headers | here.headers,
        auth=None if auth is None else like(auth, FunctionAuth),
        timeout_ms=function.timeout,
        input=function.input,
        allow_private=first(here.allow_private, function.allow_private, env.allow_private),
        max_response_bytes=function.max_response_bytes,
    )
