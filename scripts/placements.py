#!/usr/bin/env python3
"""Say which placements each service of a node may have, and why not the others.

    scripts/placements.py                       a table: service by spawner, with the channels that are legal
    scripts/placements.py store                 every placement of one service, with the reason where it is not legal
    scripts/placements.py store process:2+zmq   that one; exit code 1 where it is not legal
    scripts/placements.py --config mdht.toml    what is wrong with a whole configuration, all at once; exit code 1

What is legal only together with another service is called so: as one change it is refused. Starts nothing. `--json`
writes the same for programs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lib.command import Parser, Usage, run

from ipc.placement import LEGAL
from mdht.cli.settings import settings
from mdht.config import MANY, SERVICES, STAY
from mdht.data_dir import default_data_dir
from mdht.errors import ConfigError
from mdht.tuning.legal import TOGETHER, Verdict, judged, verdicts


def table() -> list[str]:
    """Service by spawner: its channels, `:n` where there may be several."""
    lines = [f"{'service':<11}" + "".join(f"{spawner:<22}" for spawner in LEGAL)]
    for name in SERVICES:
        cells = []
        for spawner, channels in LEGAL.items():
            good = [channel for channel in channels if judged(name, f"{spawner}+{channel}").legal]
            several = ":n" if good and name in MANY and spawner in ("thread", "process") else ""
            cells.append(f"{', '.join(good)}{' ' + several if several else ''}" if good else "-")
        lines.append(f"{name:<11}" + "".join(f"{cell:<22}" for cell in cells))
    lines += ["", *(f"{name} in no process: {why}" for name, why in STAY.items())]
    return lines + [f"{name} {why}" for name, why in TOGETHER.items()]


def one_service(found: list[Verdict]) -> list[str]:
    """Each placement in a line."""
    return [f"{one.placement:<24}{one}" for one in found]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(__doc__)
    parser.add_argument("service", nargs="?", metavar="SERVICE", help=", ".join(SERVICES))
    parser.add_argument("placement", nargs="?", metavar="PLACEMENT", help="spawner[:count][@group][+channel]")
    parser.add_argument("--config", metavar="FILE", help="a configuration file")
    parser.add_argument("--json", action="store_true", help="for programs; errors, too")
    options = parser.parse_args(arguments)
    if options.config:
        return check(options.config, options.json)
    if options.service and options.service not in SERVICES:
        raise Usage(f"no service {options.service!r}: there are {', '.join(SERVICES)}")
    names = [options.service] if options.service else list(SERVICES)
    found = [one for name in names for one in verdicts(name)]
    if options.placement:
        found = [judged(options.service, options.placement)]
    if options.json:
        print(json.dumps([{**asdict(one), "legal": one.legal} for one in found]))
    else:
        print("\n".join(one_service(found) if options.service else table()))
        if options.service in TOGETHER:
            print(f"{options.service}: {TOGETHER[options.service]}")
    return 1 if options.placement and not found[0].legal else 0


def check(path: str, as_json: bool) -> int:
    """All faults of a configuration file, for a node whose data directory is given at its start, if not in the file."""
    Path(path).open("rb").close()  # raises what keeps it from being read
    try:
        settings(path, str(default_data_dir()), False, {})
    except ConfigError as error:
        faults = [{"key": key, "wrong": wrong, "right": right} for key, wrong, right in error.faults]
    else:
        faults = []
    if as_json:
        print(json.dumps(faults))
    else:
        print(
            "\n".join(f"{one['key']}: {one['wrong']}; right would be {one['right']}" for one in faults) or "no faults"
        )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(run(main))
