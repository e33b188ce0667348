"""Every live test leaves this process as it found it: descriptors, threads, processes, run directories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ipc import launch

from .footprint import Footprint, back_to
from .services import Echo


@pytest.fixture(scope="session")
def warm() -> None:
    """The fork server and the resource tracker, one each, stay until the interpreter ends: have them first."""
    for placement in ("process+pipe", "process+zmq", "thread+zmq", "coroutine+queue"):
        with launch(Echo(), placement) as echo:
            assert echo.call(1) == 1


@pytest.fixture(autouse=True)
def before(warm: None) -> Iterator[Footprint]:
    """What was held before the test; checked again when it has ended."""
    held = Footprint.take()
    yield held
    back_to(held)
