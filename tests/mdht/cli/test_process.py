"""What `mdht run` sets for its process: how many files may be open, and what the garbage collector passes over."""

from __future__ import annotations

import gc
import json
import logging
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mdht.cli import checks, process
from mdht.cli.patient import Patient, State
from mdht.cli.process import USUAL_FILES, OpenFiles, file_limits, files_needed, freeze_what_lives, raise_files
from mdht.config import Config
from mdht.node import Node

RAISING = """
import json, resource, sys
from mdht.cli.process import raise_files
soft, hard, needed = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
print(json.dumps([raise_files(needed), *resource.getrlimit(resource.RLIMIT_NOFILE)]))
"""


def raised(soft: int, hard: int, needed: int) -> list[int]:
    """What the limits of another process become, and what it is told."""
    command = [sys.executable, "-c", RAISING, str(soft), str(hard), str(needed)]
    told: list[int] = json.loads(subprocess.check_output(command, timeout=30))
    return told


def test_what_a_node_needs() -> None:
    usual = Config()
    assert files_needed(usual) == USUAL_FILES > usual.limits.links + usual.limits.half_open
    more = Config(limits=replace(usual.limits, links=usual.limits.links + 1000))
    assert files_needed(more) == USUAL_FILES + 1000
    apart = Config(store="lmdb", data_dir="/nowhere", services={"store": "process:2"})
    assert files_needed(apart) > USUAL_FILES
    assert files_needed(Config(profile="low-memory")) < 1024


def test_raised_as_far_as_needed() -> None:
    assert raised(128, 400, 300) == [300, 300, 400]


def test_no_further_than_the_hard_limit() -> None:
    assert raised(128, 200, 300) == [200, 200, 200]


def test_never_lowered() -> None:
    assert raised(256, 400, 100) == [256, 256, 400]


def test_where_there_are_no_such_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.sys, "platform", "win32")
    assert file_limits() == (0, 0)
    assert raise_files(10**9) == 0


def test_a_system_that_refuses_what_it_calls_infinite(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [256]

    def setrlimit(_: int, limits: tuple[int, int]) -> None:
        if limits[0] > 10_240:
            raise ValueError("current limit exceeds maximum limit")
        now[0] = limits[0]

    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (now[0], resource.RLIM_INFINITY))
    assert raise_files(20_000) == 10_240
    assert raise_files(8_000) == 10_240


def test_too_few_are_logged_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(process, "raise_files", lambda needed: 500)
    files = OpenFiles()
    with caplog.at_level(logging.WARNING, "mdht"):
        files.allow(Config())
        files.allow(Config())
        files.allow(Config(profile="low-memory", limits=replace(Config().limits, links=10, half_open=10)))
    (line,) = caplog.messages
    assert "500 files" in line and "limits.links = 4096" in line and f"need {USUAL_FILES}" in line
    assert f"LimitNOFILE={USUAL_FILES}" in line and f"`ulimit -n {USUAL_FILES}`" in line


def test_what_lives_is_not_looked_at_again() -> None:
    lives, thresholds = [object()], gc.get_threshold()
    assert any(one is lives for one in gc.get_objects())
    freeze_what_lives()
    try:
        assert gc.get_freeze_count() > 0 and not any(one is lives for one in gc.get_objects())
        assert gc.isenabled() and gc.get_threshold() == thresholds
    finally:
        gc.unfreeze()


def test_a_node_of_somebody_elses_program_changes_nothing() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE), gc.get_freeze_count(), gc.get_threshold(), gc.isenabled()
    with Node():
        during = resource.getrlimit(resource.RLIMIT_NOFILE), gc.get_freeze_count(), gc.get_threshold(), gc.isenabled()
    assert during == before


@pytest.mark.parametrize(
    ("limits", "state"), [((256, 1024), State.WARN), ((256, 65_536), State.OK), ((0, 0), State.OK)]
)
def test_doctor_before_it_is_run(
    limits: tuple[int, int], state: State, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(checks, "file_limits", lambda: limits)
    found = checks.descriptors(Patient(str(tmp_path)))
    assert found.state is state
    if state is State.WARN:
        assert "1,024 at most" in found.text and f"{USUAL_FILES:,} needed for 4,096 links" in found.text
        assert "LimitNOFILE=" in found.advice


def test_doctor_reads_how_many_links_there_may_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checks, "file_limits", lambda: (1024, 1024))
    (tmp_path / "config.toml").write_text("[limits]\nlinks = 100\n")
    found = checks.descriptors(Patient(str(tmp_path)))
    assert found.state is State.OK and "for 100 links" in found.text
    (tmp_path / "config.toml").write_text("[limits]\nlinks = -1\n")
    assert "for 4,096 links" in checks.descriptors(Patient(str(tmp_path))).text
