"""A division of a store says that it began, how far it is, and that it is done, where the log shows warnings only."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from mdht.services.store import parts as parts_module
from mdht.services.store.parts import Log, divide
from mdht.store.lmdb import Layout, read_layout
from mdht.store.reshard import Progress

from ...store.lmdb.dividing import fill, records


def test_it_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(tmp_path / "store")
    fill(path, 1, records(1, 100))
    with caplog.at_level(logging.WARNING):
        divide(path, 3, stop=threading.Event())
        said = [one.getMessage() for one in caplog.records]
        assert "into 3: 0 of " in said[0] and "divided the store" in said[-1] and "into 3" in said[-1]
        assert read_layout(path) == Layout(3)
        caplog.clear()
        divide(path, 3)
        assert not caplog.records, "there was nothing to do"


def test_a_slow_one_is_told_in_between(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log("somewhere")
    for done in range(100):
        log(Progress(2, done, 1000))
    assert len(caplog.records) == 1, "less than a tenth, and no time has passed"
    monkeypatch.setattr(parts_module, "_SAY_S", 0.0)
    log(Progress(2, 100, 1001))
    assert "100 of 1,001 records" in caplog.records[-1].getMessage()
