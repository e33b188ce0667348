"""Replies that are larger than a frame fail their own caller, and no other."""

from __future__ import annotations

import pytest

from ipc import NotSendable
from ipc.channels import wire_server
from ipc.channels.frames import FAIL, REPLY
from ipc.codec import loads
from ipc.remote_errors import unpack_error


def test_a_reply_larger_than_a_frame_becomes_an_error_for_each_of_its_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_server, "FRAME_BYTES", 1000)
    small = wire_server._alone([REPLY, 1, 2, 0, [b"x" * 10]])
    assert loads(small) == [[REPLY, 1, 2, 0, [b"x" * 10]]]
    items = loads(wire_server._alone([REPLY, 1, 2, 5, [b"x" * 600, b"y" * 600]]))
    assert [item[:4] for item in items] == [[FAIL, 1, 2, 5], [FAIL, 1, 2, 6]]
    error = unpack_error(items[0][4])
    assert isinstance(error, NotSendable)
    assert "bytes of replies" in str(error)
