"""`mdht tune`, as far as it goes without a node."""

import json

import click
import pytest

from mdht.cli import entry
from mdht.cli.tune import seconds
from tests.mdht.tuning.test_report import report


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
    assert "--links: 0; right would be 1 to 1,024" in said and "--in-flight: 0" in said
    assert "--turns: 1;" in said and "--budget: 1 s; right would be" in said


def test_faults_are_json_for_programs(capsys):
    assert entry(["tune", "--value", "16", "--links", "0", "--json"]) == 2
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["exit_code"] == 2 and "--links" in error["message"]


def test_a_budget_too_small_for_one_comparison_is_refused(capsys):
    assert entry(["tune", "--budget", "6s"]) == 2
    assert "less is no comparison" in capsys.readouterr().err


@pytest.fixture
def unmeasured(monkeypatch):
    """Fails where a run begins."""

    def run(*_):
        raise AssertionError("measured before its targets were looked at")

    monkeypatch.setattr("mdht.tuning.tune.tune", run)


@pytest.mark.parametrize("option", ["--save", "--toml", "--chart"])
def test_targets_are_looked_at_first(option, unmeasured, tmp_path, capsys):
    assert entry(["tune", option, str(tmp_path / "none" / "x")]) == 2
    said = capsys.readouterr().err
    assert option in said and "is no directory" in said


def test_a_directory_is_no_target(unmeasured, tmp_path, capsys):
    (tmp_path / "taken").mkdir()
    assert entry(["tune", "--save", str(tmp_path / "taken")]) == 2
    assert "directory" in capsys.readouterr().err


def test_where_no_node_runs_nothing_is_measured_to_be_applied(unmeasured, tmp_path):
    assert entry(["tune", "--apply", str(tmp_path), "--links", "1"]) == 4


@pytest.mark.parametrize("as_json", [False, True])
def test_what_cannot_be_written_after_all_leaves_the_result(as_json, monkeypatch, tmp_path, capsys):
    where = tmp_path / "gone"
    where.mkdir()

    def run(options, tell):
        where.rmdir()
        return report()

    monkeypatch.setattr("mdht.tuning.tune.tune", run)
    monkeypatch.setattr("mdht.cli.tuned.can_draw", lambda: False)
    arguments = ["tune", "--save", str(where / "now.json"), "--toml", str(where / "x.toml")]
    assert entry([*arguments, "--json"] if as_json else arguments) == 1
    said = capsys.readouterr()
    if as_json:
        plain = json.loads(said.out)
        assert plain["recommended"] == "store=process" and len(plain["not_written"]) == 2
    else:
        assert "Recommended: store=process\n" in said.out and "written to" not in said.out
        assert said.err.count("was not written: No such file or directory") == 2


def test_what_was_written_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("mdht.tuning.tune.tune", lambda options, tell: report())
    monkeypatch.setattr("mdht.cli.tuned.can_draw", lambda: False)
    toml, save = tmp_path / "x.toml", tmp_path / "now.json"
    assert entry(["tune", "--save", str(save), "--toml", str(toml)]) == 0
    assert f"Recommended: store=process (written to {toml})" in capsys.readouterr().out
    assert 'store = "process"' in toml.read_text() and json.loads(save.read_text())["format"] == "mdht tune 1"


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
