"""How every script ends: with the exit codes and errors of `mdht`, as text or, with `--json`, as JSON on stderr.

    from lib.command import Parser, run

    def main(arguments=None) -> int: …         # options = Parser(__doc__).parse_args(arguments)

    if __name__ == "__main__":
        sys.exit(run(main))

A script is found beside this folder, so `lib` is where Python looks first.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mdht.cli.entry import foreseen
from mdht.cli.exits import BROKEN_PIPE, FAILED, INTERRUPTED, MEANINGS, USAGE, code_of
from mdht.cli.output import jsonable

CODES = "exit codes, as of mdht:\n" + "\n".join(f"  {code:>3}  {text}" for code, text in MEANINGS.items())


class Wrong(Exception):
    """What a script cannot do, in words: what is wrong, and what would be right. `code`: its exit code."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code = code


class Usage(Wrong):
    """An option or argument is wrong."""

    def __init__(self, text: str) -> None:
        super().__init__(text, USAGE)


class Parser(argparse.ArgumentParser):
    """Options of a script. The first argument is its docstring; exit codes follow. Raises Usage."""

    def __init__(self, description: str | None) -> None:
        super().__init__(description=description, epilog=CODES, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str) -> NoReturn:
        """Told by `run`."""
        raise Usage(message)


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A type of option: a number of seconds within bounds."""

    def within(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not {low:g} to {high:g} seconds")
        return value

    return within


def count(low: int, high: int) -> Callable[[str], int]:
    """A type of option: a whole number within bounds."""

    def within(text: str) -> int:
        value = int(text) if text.isdecimal() else low - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not {low:,} to {high:,}")
        return value

    return within


def check_target(option: str, path: str | None) -> None:
    """Raises Usage where a file cannot be written, before anything is measured."""
    from mdht.cli.tuned import unwritable

    if path and (wrong := unwritable(path)):
        raise Usage(f"{option} {path}: {wrong}")


def run(main: Callable[[Sequence[str] | None], int], arguments: Sequence[str] | None = None) -> int:
    """Run a script's `main`; its exit code. Errors that say by themselves what went wrong are told, others raised."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in given
    try:
        code = main(given)
        sys.stdout.flush()
        return code
    except Wrong as error:
        kind = "UsageError" if isinstance(error, Usage) else type(error).__name__
        return _say(str(error), kind, error.code, as_json)
    except KeyboardInterrupt:
        return _say("interrupted", "Interrupted", INTERRUPTED, as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if not foreseen(error):
            raise
        details = {key: value for key, value in vars(error).items() if not key.startswith("_")}
        return _say(_text(error), type(error).__name__, code_of(error), as_json, details)


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _say(text: str, kind: str, code: int, as_json: bool, details: dict[str, Any] | None = None) -> int:
    if as_json:
        told = {"type": kind, "message": text, "exit_code": code, "details": jsonable(details or {})}
        print(json.dumps({"error": told}, default=str), file=sys.stderr)
    else:
        print(f"{Path(sys.argv[0]).stem}: {text}", file=sys.stderr)
        if code == USAGE:
            print("--help tells the options.", file=sys.stderr)
    return code
