"""A channel that was full and has been served since has all its room again, though nobody waited for it."""

from __future__ import annotations

import time

import pytest

from ipc import Bounds, Full, Service, launch


class Slow(Service):
    """Its commands are served, and acknowledged, one at a time."""

    def call(self, command: float) -> None:
        time.sleep(command)


@pytest.mark.parametrize("placement", ["thread", "thread+pipe", "process", "process+zmq"])
def test_all_room_comes_back_after_full(placement: str) -> None:
    with launch(Slow(), placement, bounds=Bounds(commands=2, when_full="fail")) as slow:
        for _ in range(3):
            with pytest.raises(Full):
                for _ in range(6):
                    slow.cast(0.05)
            time.sleep(0.4)
            slow.cast(0.01)
            slow.cast(0.01)
            time.sleep(0.1)
