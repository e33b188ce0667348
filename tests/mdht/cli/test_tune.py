"""`mdht tune`, as far as it goes without a node."""

import json

import click
import pytest

from mdht.cli import entry
from mdht.cli.tune import seconds


@pytest.mark.parametrize(("text", "value"), [("90s", 90.0), ("5m", 300.0), ("1h", 3_600.0), ("2.5", 2.5)])
def test_times_as_people_write_them(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["", "m", "5 days", "1x"])
def test_what_is_no_time(text):
    with pytest.raises(click.BadParameter, match="no time"):
        seconds(text)


def test_all_faults_at_once(capsys):
    assert entry(["tune", "--links", "0", "--in-flight", "0", "--turns", "1", "--budget", "1s"]) == 2
    said = capsys.readouterr().err
    assert "links" in said and "in_flight" in said


def test_a_file_that_is_no_report(tmp_path, capsys):
    file = tmp_path / "old.json"
    for text in ("{", "[]", json.dumps({"format": "another"})):
        file.write_text(text)
        assert entry(["tune", "--compare", str(file)]) == 1
        assert "no report" in capsys.readouterr().err


def test_a_configuration_to_begin_with_is_checked(tmp_path, capsys):
    file = tmp_path / "mdht.toml"
    file.write_text('[services]\npeers = "process"\n')
    assert entry(["tune", "--from", str(file)]) == 2
    assert "routing table" in capsys.readouterr().err
