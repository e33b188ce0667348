from __future__ import annotations

import ast
from pathlib import Path

from mdht import limits
from mdht.model.record import Kind, Signed

TREE = ast.parse(Path(limits.__file__).read_text("utf-8"))


def test_every_limit_is_explained() -> None:
    """After each, or after a group of them, a text says its unit and its reason."""
    names: list[str] = []
    for node in TREE.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            names.clear()
        assert len(names) <= 3, names
    assert not names


def test_what_the_limits_promise_of_each_other() -> None:
    head = Signed(Kind.OWNED, "", b"", bytes(32), b"", 1, 1, bytes(64)).pack()
    assert len(head) == limits.RECORD_HEAD_BYTES
    assert limits.RECORD_BYTES + limits.CLOSEST_PEERS * limits.PEER_RECORD_BYTES < limits.FRAME_BYTES * 3 // 4
    assert limits.RECORD_BYTES <= limits.BATCH_RECORD_BYTES < limits.FRAME_BYTES * 3 // 4
    assert limits.EXPIRES_S == 30 * 24 * 3600
    assert limits.CONTENT_LEASE_S >= 3 * limits.REPUBLISH_S
    assert limits.KEEPALIVE_S < limits.DEAD_AFTER_S
    assert limits.MIN_REPLICAS <= limits.REPLICAS <= limits.K <= limits.CLOSEST_PEERS
    assert limits.STREAM_DATA_BYTES <= limits.STREAM_CREDIT_BYTES <= limits.STREAM_WINDOW_BYTES
    assert limits.EXPIRES_SLACK_S <= limits.CLOCK_LOGGED_S < limits.CLOCK_OFFSET_MAX_S
