"""The reference of the commands, from their own help: `make docs`.

`docs/reference/cli.md` is this page, and a test holds the two together.
"""

from collections.abc import Iterator, Sequence
from inspect import cleandoc
from typing import Protocol, cast

import typer

from ductape.cli.main import NAME, app

INTRODUCTION = """\
# The commands

<!-- made by `make docs`: change the commands, not this page -->

`--store`, `--config` and `--json` work before a command; those that it lists work after it too.
With `--json` standard output has the wire shape and nothing else; instants are epoch milliseconds
(of `preview` ISO 8601 texts in UTC), spans milliseconds. Without it, times are this machine's local
ones. Notes, warnings and errors go to standard error.

| exit code | meaning |
| --- | --- |
| 0 | done; a verb that came too late is no error |
| 1 | the job failed or was cancelled |
| 2 | bad use or bad input |
| 3 | the store is out of reach; or standard output takes no more, as of a full disk |
| 4 | the wait timed out; the job lives on |
| 70 | a fault of ours; `DUCTAPE_DEBUG=1` shows the traceback |
| 130 | interrupted |
| 141 | the reader of the output went away |
"""


class Parameter(Protocol):
    """What is read of one argument or option."""

    opts: list[str]
    secondary_opts: list[str]
    param_type_name: str
    metavar: str | None
    required: bool
    default: object
    help: str | None
    is_flag: bool


class Command(Protocol):
    """What is read of a command or a group of them."""

    name: str
    help: str | None
    params: list[Parameter]


class Group(Command, Protocol):
    """A command with commands of its own."""

    commands: dict[str, Command]


def page() -> str:
    """Return the whole page as Markdown."""
    root = cast("Group", typer.main.get_command(app))
    parts = [INTRODUCTION, *_options(root), *_commands(root, NAME)]
    return "\n".join(parts)


def _commands(group: Group, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        whole = f"{path} {name}"
        if hasattr(command, "commands"):
            yield f"## {whole}\n\n{_help(command)}\n"
            yield from _commands(cast("Group", command), whole)
        else:
            depth = "##" if path == NAME else "###"
            yield f"{depth} {whole}\n\n{_help(command)}\n\n```\n{_usage(command, whole)}\n```\n"
            yield from _options(command)


def _help(command: Command) -> str:
    return cleandoc(command.help or "")


def _usage(command: Command, path: str) -> str:
    arguments = [
        _metavar(one) if one.required else f"[{_metavar(one)}]" for one in _arguments(command)
    ]
    return " ".join([path, "[OPTIONS]", *arguments])


def _options(command: Command) -> Iterator[str]:
    rows = [_row(one) for one in [*_arguments(command), *_named(command)]]
    if rows:
        yield "\n".join(["| | |", "| --- | --- |", *rows, ""])


def _arguments(command: Command) -> Sequence[Parameter]:
    return [one for one in command.params if one.param_type_name == "argument"]


def _named(command: Command) -> Sequence[Parameter]:
    options = [one for one in command.params if one.param_type_name == "option"]
    return [one for one in options if "--help" not in one.opts]


def _row(parameter: Parameter) -> str:
    said = (parameter.help or "").replace("|", "\\|")
    if parameter.param_type_name == "option" and parameter.required:
        said += " Required."
    return f"| `{_spelling(parameter)}` | {said}{_default(parameter)} |"


def _spelling(parameter: Parameter) -> str:
    if parameter.param_type_name == "argument":
        return _metavar(parameter)
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return names if parameter.is_flag else f"{names} {_metavar(parameter)}"


def _metavar(parameter: Parameter) -> str:
    return parameter.metavar or parameter.opts[-1].removeprefix("--").replace("-", "_").upper()


def _default(parameter: Parameter) -> str:
    default = parameter.default
    if isinstance(default, bool) or not isinstance(default, int | str):
        return ""
    return f" Default: `{default}`."
