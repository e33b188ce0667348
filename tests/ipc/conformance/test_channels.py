"""Our channels, and one that a user might write, keep every clause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ipc.channels.base import Channel
from ipc.channels.carrier import Carrier
from ipc.channels.pipe import PipeChannel
from ipc.channels.zeromq import ZmqChannel
from ipc.conformance import channel, channel_checks, check_channel
from ipc.placement import LEGAL

from .toys import PacketChannel


class CorruptiblePipe(PipeChannel):
    """A pipe that the suite may write to past its framing."""

    @staticmethod
    def corrupt(carrier: Carrier, data: bytes) -> None:
        carrier._sock.sendall(data)  # type: ignore[attr-defined]


class Zmq(ZmqChannel):
    """ZeroMQ connects again by itself, and does not say when the other end is gone."""

    notices_loss = False


CHANNELS: list[type[Channel]] = [CorruptiblePipe, Zmq, PacketChannel]
_PATIENCE_S = 5.0


@pytest.mark.parametrize(
    ("make", "check"),
    [
        pytest.param(make, check, id=f"{make.name}-{name}")
        for make in CHANNELS
        for name, check in channel_checks(_PATIENCE_S)
    ],
)
def test_channel(make: Callable[[], Channel], check: Callable[[Any], str | None]) -> None:
    if reason := check(make):
        pytest.skip(reason)


def test_the_registry_is_as_before() -> None:
    legal = dict(LEGAL)
    name, check = channel_checks()[0]
    assert name == "echoes"
    assert check(PipeChannel) is None
    assert legal == LEGAL


def test_what_does_not_apply_is_reported() -> None:
    here: Any = lambda: PipeChannel()  # noqa: E731 - a make without an import path
    checks = dict(channel_checks())
    assert "import path" in str(checks["crosses_processes"](here))
    assert "corrupt" in str(checks["refuses_broken_framing"](here))
    here.spawners = ("thread",)
    assert "make.spawners" in str(checks["crosses_processes"](here))
    here.notices_loss = False
    assert "notices_loss" in str(checks["sees_its_sender_go"](here))


def test_the_whole_suite_gives_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = channel_checks()[:2]
    monkeypatch.setattr(channel, "channel_checks", lambda patience_s: [*checks, ("none", lambda make: "never")])
    report = check_channel(PacketChannel)
    assert report.kept == tuple(name for name, _ in checks)
    assert report.not_applicable == {"none": "never"}
