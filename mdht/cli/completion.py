"""`completion`: scripts that complete commands, options and paths."""

from __future__ import annotations

import click

from . import output
from .entry import COMPLETE, PROGRAM
from .terms import Terms, alone


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@alone
def completion(terms: Terms, shell: str) -> None:
    """Print a script that completes `mdht` commands in a shell.

    \b
    bash: mdht completion bash > ~/.local/share/bash-completion/completions/mdht
    zsh:  mdht completion zsh > ~/.zfunc/_mdht     (a directory in $fpath)
    fish: mdht completion fish > ~/.config/fish/completions/mdht.fish
    """
    from click.shell_completion import get_completion_class

    from .app import app

    found = get_completion_class(shell)
    assert found is not None, "click has these three"
    script = found(app, {}, PROGRAM, COMPLETE)
    text = script.source_template % script.source_vars()
    if terms.json:
        output.result({"shell": shell, "script": text})
    else:
        output.line(text)
