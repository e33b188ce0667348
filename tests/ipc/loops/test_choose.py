"""Which loop is chosen, by name, environment and what is installed."""

from __future__ import annotations

import asyncio
import sys

import pytest

from ipc.errors import IpcError
from ipc.loops import LOOPS, LoopMissing, UnknownLoop, is_virtual, new_loop


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IPC_LOOP", raising=False)


@pytest.fixture
def _no_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)  # what makes `import uvloop` raise ImportError


def made(name: str | None = None) -> str:
    """The name of the loop that `new_loop(name)` makes, after it has run something."""
    loop = new_loop(name)
    try:
        assert loop.run_until_complete(asyncio.sleep(0, "ran")) == "ran"
        if is_virtual(loop):
            return "virtual"
        return "uvloop" if type(loop).__module__.startswith("uvloop") else "asyncio"
    finally:
        loop.close()


@pytest.mark.parametrize("name", LOOPS)
def test_by_name(name: str) -> None:
    if name == "uvloop":
        pytest.importorskip("uvloop")
    assert made(name) == name


@pytest.mark.parametrize("name", ["asyncio", "virtual"])
def test_by_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPC_LOOP", name)
    assert made() == name


def test_a_name_is_stronger_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPC_LOOP", "virtual")
    assert made("asyncio") == "asyncio"


def test_uvloop_is_the_default_where_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("uvloop")
    assert made() == "uvloop"
    monkeypatch.setenv("IPC_LOOP", "")
    assert made() == "uvloop"


@pytest.mark.usefixtures("_no_uvloop")
def test_asyncio_is_the_default_without_uvloop() -> None:
    assert made() == "asyncio"


@pytest.mark.usefixtures("_no_uvloop")
def test_uvloop_asked_for_and_absent() -> None:
    with pytest.raises(LoopMissing, match="install it, or choose 'asyncio'") as caught:
        new_loop("uvloop")
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, IpcError)
    assert caught.value.name == "uvloop"
    assert isinstance(caught.value.__cause__, ImportError)


def test_an_unknown_name() -> None:
    with pytest.raises(
        UnknownLoop, match="loop 'trio' does not exist; choose one of uvloop, asyncio, virtual"
    ) as caught:
        new_loop("trio")
    assert isinstance(caught.value, ValueError)
    assert caught.value.name == "trio"


def test_an_empty_name_is_unknown() -> None:
    with pytest.raises(ValueError, match="loop ''"):
        new_loop("")


def test_an_unknown_name_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPC_LOOP", "Asyncio")
    with pytest.raises(UnknownLoop, match="IPC_LOOP 'Asyncio'"):
        new_loop()


def test_the_loops_are_new_ones() -> None:
    first, second = new_loop("virtual"), new_loop("virtual")
    assert first is not second
    first.close()
    assert not second.is_closed()
    second.close()
