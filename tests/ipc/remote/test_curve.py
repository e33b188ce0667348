"""Keys: made, kept and refused."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ipc import Curve, Insecure
from ipc.remote.curve import check_endpoint, check_key, check_keys


def test_a_pair_is_saved_for_its_owner_alone_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    curve = Curve.generate()
    old = os.umask(0)
    try:
        curve.save(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Curve.load(path) == curve
    assert [file.name for file in tmp_path.iterdir()] == ["keys"]


def test_saving_again_replaces(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("something that others may read")
    curve = Curve.generate()
    curve.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Curve.load(path) == curve


def test_the_secret_is_not_shown() -> None:
    curve = Curve.generate()
    assert curve.secret not in repr(curve)
    assert curve.public in repr(curve)


def test_keys_of_two_pairs_are_refused() -> None:
    with pytest.raises(Insecure, match="not that of the secret key"):
        Curve(Curve.generate().public, Curve.generate().secret)


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    Curve.generate().save(path)
    path.chmod(0o640)
    with pytest.raises(Insecure, match="chmod 600"):
        Curve.load(path)


@pytest.mark.parametrize("text", ["", "public x\n", "secret a\npublic b\n", "public a\nsecret b\n", "a b c d e"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(Insecure):
        Curve.load(path)


@pytest.mark.parametrize("key", ["", "x" * 39, "x" * 41, " " * 40, "#" * 40, "é" * 40, b"x" * 40, None, 5])
def test_what_is_no_key_is_refused(key: object) -> None:
    with pytest.raises(Insecure, match="40 characters"):
        check_key(key, "key")


def test_nobody_allowed_is_refused() -> None:
    with pytest.raises(Insecure, match="allow="):
        check_keys([], "key")


def test_one_key_may_be_given_by_itself() -> None:
    key = Curve.generate().public
    assert check_keys(key, "key") == {key}


@pytest.mark.parametrize("endpoint", ["ipc:///tmp/x", "inproc://x", "tcp://", "tcp://host", "host:5", "", None, 5])
def test_only_tcp_crosses(endpoint: object) -> None:
    with pytest.raises(Insecure, match="tcp://"):
        check_endpoint(endpoint)
