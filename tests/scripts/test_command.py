"""How scripts end: exit codes and errors as `mdht` has them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
ALL = sorted(path.stem for path in SCRIPTS.glob("*.py") if path.stem not in ("demo_run", "tune"))


@pytest.fixture
def command(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from lib import command

    return command


@pytest.fixture
def profile_service(command):
    import profile_service

    return profile_service


def script(name, *arguments):
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / f"{name}.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ALL)
def test_wrong_usage_is_two_and_json_for_programs(name):
    code, out, err = script(name, "--nonsense", "--json")
    error = json.loads(err)["error"]
    assert (code, out) == (2, "") and error["type"] == "UsageError" and error["exit_code"] == 2


def test_help_has_the_exit_codes():
    code, out, _ = script("pin", "--help")
    assert code == 0 and "4  no node runs in the data directory" in out


@pytest.mark.parametrize(("name", "before"), [("pin", ()), ("profile_service", ("store",))])
def test_where_no_node_runs(name, before, tmp_path):
    code, out, err = script(name, *before, tmp_path)
    assert (code, out) == (4, "") and "Traceback" not in err
    code, _, err = script(name, *before, tmp_path, "--json")
    error = json.loads(err)["error"]
    assert code == 4 and error["type"] == "NoNode" and error["exit_code"] == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seconds", "0"), "0.1 to 3600 seconds"),
        (("--seconds", "soon"), "'soon' is not"),
        (("--processes", "0"), "1 to 1,024"),
        (("--flame", "/nonexistent/x.svg"), "--flame /nonexistent/x.svg: /nonexistent is no directory"),
    ],
)
def test_what_is_wrong_is_found_before_a_node_is_asked(arguments, said, tmp_path):
    code, _, err = script("profile_service", "store", tmp_path, *arguments)
    assert code == 2 and said in err


def test_what_a_script_raises(command, capsys):
    def fails(error):
        def main(_):
            raise error

        return main

    assert command.run(fails(command.Wrong("no")), []) == 1
    assert command.run(fails(KeyboardInterrupt()), ["--json"]) == 130
    assert command.run(fails(PermissionError(13, "Permission denied", "/x")), []) == 5
    assert "/x: Permission denied" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        command.run(fails(ZeroDivisionError()), [])
    assert command.run(lambda _: 7, []) == 7


def test_the_reason_of_a_sampler_without_its_backtrace(profile_service):
    said = (
        "py-spy> Sampling process 200 times a second for 2 seconds.\n"
        'Error: Failed to create output file "/x"\nReason: No such file or directory (os error 2)\n'
        "\nStack backtrace:\n   0: anyhow\n   6: main\n   7: __libc_start_main\n"
    )
    wanted = 'Failed to create output file "/x"; No such file or directory (os error 2)'
    assert profile_service._said_by_py_spy(said) == wanted
    assert profile_service._said_by_py_spy("") == "it says nothing of the reason"


def test_placements_are_legal_only_together():
    code, out, _ = script("placements", "links", "process:2@links", "--json")
    (found,) = json.loads(out)
    assert code == 0 and found["legal"] and found["together"] == 'local = "process:2@links"'
    code, out, _ = script("placements", "local", "process:4")
    assert code == 1 and "process:4" in out and "no: " in out
    code, _, err = script("placements", "--config", "/nonexistent.toml", "--json")
    assert code == 3 and json.loads(err)["error"]["type"] == "FileNotFoundError"
