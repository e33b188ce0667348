"""The configuration of `mdht run`: a file, flags over it, and all faults at once."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest

from mdht.cli import entry
from mdht.cli.settings import secret_of, settings
from mdht.errors import ConfigError


def test_a_node_that_is_run_keeps_its_data(tmp_path: Path) -> None:
    config = settings(None, str(tmp_path), False, {})
    assert (config.data_dir, config.store) == (str(tmp_path), "lmdb")


def test_flags_count_more_than_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(
        'network = "one"\nreplicas = 5\n[node]\nlisten = ["127.0.0.1:1"]\nstore = "memory"\n[limits]\nlinks = 9'
    )
    config = settings(str(file), str(tmp_path), False, {"network": "two", "listen": ("[::1]:2",), "seeds": ()})
    assert (config.network, config.replicas, config.store, config.limits.links) == ("two", 5, "memory", 9)
    assert config.listen == ("[::1]:2",)
    assert settings(str(file), str(tmp_path), False, {}).listen == ("127.0.0.1:1",)


def test_which_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    file = tmp_path / "a.toml"
    file.write_text('data_dir = "~/node"')
    assert settings(str(file), str(tmp_path), False, {}).data_dir == "/home/somebody/node"
    assert settings(str(file), str(tmp_path), True, {}).data_dir == str(tmp_path)


def test_the_file_in_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('network = "kept"')
    other = tmp_path / "other.toml"
    other.write_text("replicas = 3")
    assert settings(None, str(tmp_path), False, {}).network == "kept"
    assert settings(str(other), str(tmp_path), False, {}).network == "mdht"


def test_all_faults_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.toml"
    file.write_text('colour = "blue"\nreplicas = 25\nlisten = ["nowhere"]\nstore = 7')
    with pytest.raises(ConfigError) as caught:
        settings(str(file), str(tmp_path), True, {"network": "n e t"})
    assert {fault[0] for fault in caught.value.faults} == {"colour", "store", "replicas", "listen[0]", "network"}
    assert entry(["run", "-c", str(file), "-d", str(tmp_path)]) == 2
    text = capsys.readouterr().err
    for key in ("colour", "store", "replicas", "listen[0]"):
        assert key in text
    assert entry(["run", "-c", str(file), "-d", str(tmp_path), "--json"]) == 2
    told = json.loads(capsys.readouterr().err)["error"]
    assert told["type"] == "ConfigError" and len(told["details"]["faults"]) == 4
    assert not (tmp_path / "node.lock").exists()


@pytest.mark.parametrize("data", [b"= no toml", b"\xff\xfe", b"#" * (1 << 20) + b"#"])
def test_what_is_no_configuration(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "a.toml"
    file.write_bytes(data)
    with pytest.raises(ConfigError):
        settings(str(file), str(tmp_path), False, {})
    assert entry(["run", "-c", str(file), "-d", str(tmp_path)]) == 2


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="No such file"):
        settings(str(tmp_path / "none"), str(tmp_path), False, {})
    with pytest.raises(click.UsageError, match="No such file"):
        secret_of(str(tmp_path / "none"))
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(click.UsageError, match="hexadecimal"):
        secret_of(str(tmp_path / "binary"))
    (tmp_path / "secret").write_text("5f" * 32 + "\n")
    assert settings(None, str(tmp_path), False, {"secret": secret_of(str(tmp_path / "secret"))}).secret_bytes


def test_the_secret_is_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "secret").write_text("5f" * 31)
    assert entry(["run", "--secret-file", str(tmp_path / "secret"), "-d", str(tmp_path)]) == 2
    text = capsys.readouterr().err
    assert "secret" in text and "5f5f" not in text
