"""Writes the parts of the documentation that the code knows best: `make docs`.

A page is rewritten between `<!-- made from NAME -->` and `<!-- end -->`, the rest of it is left
alone. A test fails where a page is not what this would write.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from textwrap import fill

from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields

from docs.calls import call_rows
from ductape import errors
from ductape.app.configuration.settings import PREFIX, SECRET_SETTINGS, STORES_PREFIX, Settings
from ductape.cli import reference
from ductape.domain.lifecycle import TRANSITIONS
from ductape.errors import PROVIDER_CODES, DuctapeError

DOCS = Path(__file__).resolve().parent
COMMANDS = DOCS / "reference" / "cli.md"

MEANINGS = {
    "store": "The URL of the store: `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/DATABASE`.",
    "key": "The encryption keys, newest first. Better given as `DUCTAPE_KEY` than in a file.",
    "key_file": "Where the keys are kept if `key` is not given: the store's file name and `.key`.",
    "handlers": "Registries of Python handlers, as `module:attribute`.",
    "stores": "Further stores, URLs by name; `DUCTAPE_STORES_EU` is the store `eu`.",
    "routes": "The name of each product's store; a product that is not named is in `store`.",
    "worker.concurrency": "How many runs a worker executes at a time.",
    "worker.queues": "Which queues a worker serves; none named means all.",
    "worker.lease": "Milliseconds without a sign of life, then a worker's runs are taken over.",
    "worker.grace": "Milliseconds that a run may take to stop.",
    "egress.allow_private": "Networks (`10.0.0.0/8`) and exact `host:port` pairs beyond the public"
    " internet that definitions may reach.",
    "files.roots": "Folders of this host that definitions and uploads may use.",
    "subscribe.deepest_queue": "With so many jobs waiting, a subscription fetches nothing.",
    "cache.default_expiry": "Milliseconds that an undefined cache remembers.",
    "retention.completed": "Days that completed runs are kept; a product may say otherwise.",
    "retention.failed": "Days that failed and cancelled runs are kept; as above.",
    "limits.input": "Bytes of an encoded input.",
    "limits.result": "Bytes of an encoded result; a larger one goes to `result_storage`.",
    "limits.metadata": "Bytes of encoded metadata.",
    "limits.nesting": "Objects and lists inside one another, at most 64.",
    "limits.batch": "Jobs in one call of `dispatch_many`.",
    "limits.references": "References and operators in an input, at most 1000.",
    "limits.sequence": "Steps of a feature.",
}
"""One sentence for each setting."""

_SECTION = re.compile(r"(<!-- made from (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Rewrite the page of the commands, and every page that has a part to be made."""
    COMMANDS.write_text(reference.page(), encoding="utf-8")
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        made = remade(text)
        if made != text:
            page.write_text(made, encoding="utf-8")


def remade(text: str) -> str:
    """Return a page with its parts made anew."""
    return _SECTION.sub(lambda found: found[1] + SECTIONS[found[2]]() + found[3], text)


def error_table() -> str:
    """Return one row for each class of the error tree."""
    rows = (
        f"| `{kind.__name__}` | `{kind.code}` | {kind.http_status} | {kind.exit_code} |"
        f" {(kind.__doc__ or '').splitlines()[0]} | {kind.remedy} |"
        for kind in _error_classes()
    )
    return _table(("class", "code", "HTTP", "exit", "when", "what to do"), rows)


def provider_codes() -> str:
    """Return the codes that a provider's failure may have."""
    return fill(" ".join(f"`{code}`" for code in sorted(PROVIDER_CODES)), width=100) + "\n"


def calls_table() -> str:
    """Return one row for each call of an open `Ductape`."""
    return _table(("call", "does"), call_rows())


def settings_table() -> str:
    """Return one row for each setting: its name, its variable, its default."""
    rows = (
        f"| `{path}` | {_variable(path)} | {default} | {MEANINGS[path]} |"
        for path, default in _settings(Settings, "")
    )
    return _table(("setting", "variable", "default", "meaning"), rows)


def states_diagram() -> str:
    """Return the moves of a run as a Mermaid diagram."""
    moves = [
        f"    {before} --> {after}"
        for before, following in TRANSITIONS.items()
        for after in sorted(following)
    ]
    ends = sorted({after for following in TRANSITIONS.values() for after in following})
    over = [f"    {state} --> [*]" for state in ends if state not in TRANSITIONS]
    starts = ["    [*] --> scheduled", "    [*] --> queued"]
    return "\n".join(("```mermaid", "stateDiagram-v2", *starts, *moves, *over, "```", ""))


SECTIONS: dict[str, Callable[[], str]] = {
    "calls": calls_table,
    "errors": error_table,
    "provider_codes": provider_codes,
    "settings": settings_table,
    "states": states_diagram,
}
"""What a page may ask for, by the name in its mark."""


def _error_classes() -> list[type[DuctapeError]]:
    found: list[type[DuctapeError]] = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, DuctapeError)
    ]
    return found


def _variable(path: str) -> str:
    match path:
        case "stores":
            return f"`{STORES_PREFIX}NAME`"
        case "routes":
            return "none"
        case _:
            return f"`{PREFIX}{path.replace('.', '_').upper()}`"


def _settings(kind: type, prefix: str) -> Iterable[tuple[str, str]]:
    for field in fields(kind):
        path = f"{prefix}{field.name}"
        if hasattr(field.type, "__struct_fields__"):
            yield from _settings(field.type, f"{path}.")
        else:
            yield path, _default(field, path)


def _default(field: FieldInfo, path: str) -> str:
    if path in SECRET_SETTINGS or field.default in (None, (), NODEFAULT):
        return "none"
    return f"`{field.default}`"


def _table(heads: tuple[str, ...], rows: Iterable[str]) -> str:
    head = f"| {' | '.join(heads)} |"
    rule = f"| {' | '.join('---' for _ in heads)} |"
    return "\n".join((head, rule, *rows)) + "\n"


if __name__ == "__main__":
    main()
