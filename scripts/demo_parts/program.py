"""The program: what can go wrong is one message and an exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from types import FrameType
from typing import Final

from mdht.errors import MdhtError

from . import report
from .course import TooFew, run, source_of
from .folder import Unusable
from .options import Options
from .room import NoRoom
from .stages import Stages

SAME: Final = 0
FAILED: Final = 1
USAGE: Final = 2


class Ended(BaseException):
    """By that signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def carry_out(options: Options) -> int:
    """0: all was the same, both times. 1: it was not, or it failed. 2: wrong usage. 128 + n: ended by signal n."""
    stages = Stages()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _ended)
    directory = ""
    try:
        source = source_of(options)
        if options.keep:
            directory = tempfile.mkdtemp(prefix="mdht-demo-")
        outcome = run(options, source, directory, stages)
        if options.json:
            print(report.as_json(options, outcome, directory))
        else:
            report.table(options, outcome, directory)
        sys.stdout.flush()
    except Ended as ended:
        _fail(f"ended by {signal.Signals(ended.number).name}; no node is left", directory)
        return 128 + ended.number
    except (Unusable, NoRoom) as error:
        _fail(str(error), directory)
        return USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        return 128 + signal.SIGPIPE
    except (TooFew, MdhtError, OSError) as error:
        _fail("\n".join([str(error), *getattr(error, "__notes__", ())]), directory)
        return FAILED
    return SAME if outcome.same else FAILED


def _ended(number: int, _: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the nodes are stopped now, within a bound
    raise Ended(number)


def _fail(text: str, directory: str) -> None:
    with contextlib.suppress(OSError):  # nobody may read it any more
        print(f"demo: {text}", file=sys.stderr)
        if directory and os.listdir(directory):
            print(f"demo: what was made is in {directory}", file=sys.stderr)
        elif directory:
            os.rmdir(directory)
