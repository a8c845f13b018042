"""`ductape completion`: the script that lets a shell complete commands and options (SPEC 13)."""

from typing import Annotated, Literal

import typer
from typer.completion import (
    get_completion_script,  # pyright: ignore[reportPrivateImportUsage] (exported nowhere)
)

from ductape.cli.drawing import output

Shell = Literal["bash", "zsh", "fish"]

_HOW = {
    "bash": 'eval "$(ductape completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(ductape completion zsh)" in ~/.zshrc, after compinit',
    "fish": "ductape completion fish > ~/.config/fish/completions/ductape.fish",
}


def completion(
    shell: Annotated[
        Shell | None, typer.Argument(metavar="SHELL", help="bash, zsh or fish; how-to if none.")
    ] = None,
) -> None:
    """Print the completion script of a shell, or how to use it."""
    if shell is None:
        for name, how in _HOW.items():
            output.line(f"{name:<5} {how}")
        return
    script = get_completion_script(
        prog_name="ductape", complete_var="_DUCTAPE_COMPLETE", shell=shell
    )
    output.emit(f"{script}\n")
