"""`scripts/reshard.py` on the data directory of a node that does not run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import mdht
from mdht.config import Config
from mdht.node import Node
from mdht.store.lmdb import Layout, read_layout

SCRIPT = Path(mdht.__file__).parents[1] / "scripts" / "reshard.py"


def reshard(*arguments: object) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


def test_from_the_command_line(tmp_path: Path) -> None:
    place = tmp_path / "node"
    with Node(Config(data_dir=str(place), store="lmdb", replicas=1, reads=1)) as node:
        keys = [node.put(b"%d" % number).key for number in range(30)]
        code, _, text = reshard(place, "--parts", 2)
        assert code == 9 and "process" in text
    code, text, _ = reshard(place)
    assert code == 0 and text.startswith("1 part\n")
    code, text, _ = reshard(place, "--parts", 3, "--json")
    report = json.loads(text)
    assert code == 0 and (report["before"], report["parts"], report["settled"]) == (1, 3, True)
    assert sum(one["records"] for one in report["held"]) == 30 and len(report["held"]) == 3
    assert read_layout(str(place / "store")) == Layout(3)
    with Node(Config(data_dir=str(place), store="lmdb", replicas=1, reads=1, services={"store": "thread:3"})) as node:
        assert [node.get(key).value for key in keys] == [b"%d" % number for number in range(30)]
    (place / "store.parts").write_text("rubbish")
    code, _, text = reshard(place, "--parts", 1)
    assert code == 1 and "not clear" in text


def test_wrong_arguments(tmp_path: Path) -> None:
    assert reshard(tmp_path, "--parts", 0)[0] == 2
    assert reshard(tmp_path / "nowhere")[0] == 2
