"""Runs the command line: foreseeable errors become one message and an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import click

from ..errors import MdhtError
from .exits import BROKEN_PIPE, DONE, INTERRUPTED, code_of

PROGRAM: Final = "mdht"
COMPLETE: Final = "_MDHT_COMPLETE"
"""The variable by which a shell asks for completions (click's convention)."""


def main() -> NoReturn:
    """The console script."""
    sys.exit(entry(sys.argv[1:]))


def entry(args: Sequence[str]) -> int:
    """Run one command; its exit code."""
    from .app import app

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed by who started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    if COMPLETE in os.environ:
        app.main(list(args), prog_name=PROGRAM, complete_var=COMPLETE)  # answers the shell, and exits
    as_json = "--json" in args[: args.index("--")] if "--" in args else "--json" in args
    try:
        with app.make_context(PROGRAM, list(args)) as context:
            code = app.invoke(context)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        _wrong_usage(error, as_json)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted", "Interrupted", INTERRUPTED, as_json)
        return INTERRUPTED
    except BrokenPipeError:
        _hush()
        return BROKEN_PIPE
    except Exception as error:
        if not foreseen(error):
            raise
        _report(error, as_json)
        _flush()
        return code_of(error)


def foreseen(error: Exception) -> bool:
    """Whether an error says by itself what went wrong: those of this package, of services, of the system."""
    ipc: Any = sys.modules.get("ipc")
    return isinstance(error, MdhtError | OSError) or (ipc is not None and isinstance(error, ipc.IpcError))


def _report(error: Exception, as_json: bool) -> None:
    text = str(error)
    if isinstance(error, OSError) and not isinstance(error, MdhtError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    details = {key: value for key, value in vars(error).items() if not key.startswith("_")}
    _say(text, type(error).__name__, code_of(error), as_json, details)


def _wrong_usage(error: click.ClickException, as_json: bool) -> None:
    if as_json:
        _say(error.format_message(), "UsageError", error.exit_code, True)
        return
    if type(error).__name__ == "NoArgsIsHelpError":  # of newer versions of click
        click.echo(error.format_message(), err=True)
        return
    if isinstance(error, click.UsageError) and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
        click.echo(f"Try '{error.ctx.command_path} --help' for help.\n", err=True)
    _say(error.format_message(), "", error.exit_code, False)


def _say(text: str, name: str, code: int, as_json: bool, details: dict[str, Any] | None = None) -> None:
    if as_json:
        from .output import jsonable

        told = {"type": name, "message": text, "exit_code": code, "details": jsonable(details or {})}
        click.echo(json.dumps({"error": told}), err=True)
    else:
        label = click.style(f"{PROGRAM}:", fg="red", bold=True)
        from .output import wrapped

        click.echo(f"{label} {wrapped(text, len(PROGRAM) + 2, err=True)}", err=True)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        _hush()  # the error that was told is that of stdout: its disk is full


def _hush() -> None:
    """Nobody reads stdout any more: what is still buffered goes nowhere, or the interpreter complains at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
