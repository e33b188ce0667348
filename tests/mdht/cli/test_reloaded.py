"""What the command line says of a reload, and where the configuration of a node that runs is read from."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from mdht.cli import entry
from mdht.cli.reloaded import plain, told
from mdht.cli.settings import Source
from mdht.control import Reloaded

DONE = Reloaded(
    applied=(("services.api.placement", '"inline"', '"thread"'),),
    restart=(("services.store.nice", "not set", "5", ""), ("services.door.placement", '"inline"', '"thread"', "why")),
    failed=(("services.files.placement", '"inline"', '"process"', "too slow"),),
    overridden=(("seeds", '["a:1"]', '["b:2"]'),),
)


def test_one_line_for_each() -> None:
    assert [text for _, text in told(DONE)] == [
        'changed: services.api.placement, from "inline" to "thread"',
        'not changed: services.files.placement, from "inline" to "process": too slow',
        "needs a restart: services.store.nice, from not set to 5",
        'needs a restart: services.door.placement, from "inline" to "thread": why',
        'does not count: seeds = ["a:1"] of the file; the command line says ["b:2"]',
    ]
    for_programs = plain(DONE)
    assert json.loads(json.dumps(for_programs)) == for_programs
    assert for_programs["overridden"] == [{"key": "seeds", "written": '["a:1"]', "counts": '["b:2"]'}]
    assert for_programs["restart"][1]["why"] == "why"


def test_a_file_that_was_read_must_stay(tmp_path: Path) -> None:
    source = Source(None, str(tmp_path), False, {})
    assert source.read().config.network == "mdht"
    file = tmp_path / "config.toml"
    file.write_text('network = "kept"')
    assert source.read().config.network == "kept", "it was written since"
    file.unlink()
    with pytest.raises(click.UsageError, match=r"config\.toml: No such file"):
        source.read()
    file.write_text('network = "again"')
    assert source.read().config.network == "again"


def test_what_the_command_line_overrides(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    secret, elsewhere = "5f" * 32, tmp_path / "x"
    file.write_text(
        f'seeds = ["127.0.0.1:1"]\nreplicas = 5\nsecret = "{secret}"\ndata_dir = "{elsewhere}"\n'
        '[node]\nlisten = ["[::1]:1"]\n'
    )
    flags = {"seeds": ("127.0.0.1:2",), "replicas": 5, "secret": "6f" * 32, "listen": (), "network": "n"}
    found = Source(str(file), str(tmp_path), True, flags).read()
    assert found.config.seeds == ("127.0.0.1:2",)
    assert found.overridden == (
        ("seeds", '["127.0.0.1:1"]', '["127.0.0.1:2"]'),
        ("secret", "(a secret)", "(a secret)"),
        ("data_dir", f'"{elsewhere}"', f'"{tmp_path}"'),
    )
    assert Source(str(file), str(tmp_path), False, {}).read().overridden == ()


def stdin(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode())))


def test_a_configuration_from_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stdin(monkeypatch, "replicas = 5")
    assert entry(["config", "check", "-"]) == 0
    assert "stdin: no faults" in capsys.readouterr().err
    stdin(monkeypatch, "replicas = 5")
    assert entry(["config", "check", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == "-"
    stdin(monkeypatch, "replicas = 99\ncolour = 1")
    assert entry(["config", "check", "-"]) == 2
    assert "2 faults" in capsys.readouterr().err


def test_stdin_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, "alpha = 2")
    source = Source("-", str(tmp_path), False, {})
    assert source.read().config.alpha == 2
    with pytest.raises(click.UsageError, match="cannot be read again"):
        source.read()
    assert entry(["run", "-c", "-", "--until-eof", "-d", str(tmp_path)]) == 2
