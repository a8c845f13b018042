"""`ductape demo`: the seed's example and its neighbours, end to end on this machine (issue 3).

Real receivers on 127.0.0.1, one process, some five seconds; exit code 0 only if every receiver
got exactly what it should.
"""

from importlib.util import find_spec
from typing import Annotated

import typer

from ductape.cli.calling import Call, JsonOption
from ductape.errors import ConfigError

NewStoreOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A new file to keep the jobs in; without it they are removed at the end.",
    ),
]
PlainOption = Annotated[bool, typer.Option("--plain", help="Print plain lines, no live table.")]


def demo(
    context: typer.Context,
    *,
    store: NewStoreOption = None,
    plain: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Watch an order service's jobs run against real receivers, on this machine alone."""
    if find_spec("aiosmtpd") is None:
        raise ConfigError(
            "the demo's mail server is not installed",
            hint="install the extra `demo`: pip install 'ductape-jobs[demo]'",
        )
    # The extra may be missing, and no other command should pay for loading it.
    from ductape.cli.demo.showing import show  # noqa: PLC0415 (see above)

    call = Call.of(context, store, as_json=as_json)
    passed = show(call.store, "json" if call.as_json else "plain" if plain else "live")
    raise typer.Exit(0 if passed else 1)
