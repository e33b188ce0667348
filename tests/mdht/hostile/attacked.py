"""A node under attack, a friend that is linked to it meanwhile, and what must hold when the attack is over."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mdht.config import Config
from mdht.node import Node

from ...live.footprint import until


@contextmanager
def attacked(caplog: pytest.LogCaptureFixture, config: Config | None = None) -> Iterator[Node]:
    """The node. At the end its link to the friend is still there and the only one, it serves the friend and a newcomer,
    nothing is half-open, and nobody has logged a warning, let alone a traceback.
    """
    config = Config() if config is None else config
    friendly = Config(secret=config.secret)
    with Node(config) as node, Node(friendly) as friend:
        friend.connect(node.address)
        key = friend.put(os.urandom(16)).key
        link = friend.stats().links.dialled
        yield node
        check(node, friend, key)
        assert friend.stats().links.dialled == link, "the friend never had to dial again"
        with Node(friendly) as newcomer:
            newcomer.connect(node.address)
            newcomer.get(key)
            assert newcomer.put(os.urandom(16)).stored >= 2
        until(lambda: node.stats().links.links == 1, 10, "only the friend is linked")
        assert node.stats().links.half_open == 0
    quiet(caplog)


def check(node: Node, friend: Node, key: bytes) -> None:
    """Both ways, right now."""
    node.get(key)
    friend.get(key)
    done = friend.put(os.urandom(16))
    assert done.stored >= 2
    assert node.get(done.key)


def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing was logged that an operator would have to look at."""
    loud = [one for one in caplog.records if one.levelno >= logging.WARNING and not one.msg.startswith("Executing")]
    assert not loud, [f"{one.name}: {one.getMessage()} {(one.exc_text or '')[-500:]}" for one in loud[:3]]
