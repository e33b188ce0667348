"""What can be imported from the package itself, and its version."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import mdht
from mdht.version import VERSION


def test_names_of_the_package() -> None:
    from mdht import Config, Kind, MdhtError, Node, ProcessNet, RemoteNode, TestNet

    assert {Config, Kind, MdhtError, Node, ProcessNet, RemoteNode, TestNet} == {
        getattr(mdht, name) for name in mdht.__all__
    }
    with pytest.raises(AttributeError, match="nothing"):
        mdht.nothing  # noqa: B018


def test_importing_it_loads_nothing() -> None:
    code = "import sys, mdht; print([name for name in sys.modules if name.startswith('mdht.')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_one_version() -> None:
    setup = Path(mdht.__file__).parents[1] / "setup.py"
    if not setup.exists():
        pytest.skip("not a checkout")
    found = re.search(r'version="([^"]+)"', setup.read_text())
    assert found is not None and found[1] == VERSION
