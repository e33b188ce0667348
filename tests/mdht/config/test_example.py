"""The example that ships is valid, as it is and with everything in it that is commented out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mdht
from mdht.cli.settings import settings

EXAMPLE = Path(mdht.__file__).parents[1] / "deploy" / "config.toml"


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mdht.config.node.cpu_set", lambda: (0, 1, 2, 3))
    monkeypatch.setattr("mdht.config.node.cpu_count", lambda: 4)
    as_it_is = settings(str(EXAMPLE), str(tmp_path), False, {})
    assert as_it_is.places == 4
    whole = tmp_path / "whole.toml"
    whole.write_text(re.sub(r"(?m)^#(?! )", "", EXAMPLE.read_text()))
    config = settings(str(whole), str(tmp_path), False, {})
    assert config.places == 2 and config.limits.store_bytes == 10 << 30
    assert config.placed["api"].placement == "process"
    assert config.placed["links"].affinity == config.placed["local"].affinity == (0, 1)
