"""Our spawners, and one that a user might write, keep every clause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ipc.conformance import spawner_checks
from ipc.placement import LEGAL
from ipc.spawners.base import SPAWNERS, Spawner
from ipc.spawners.process import ProcessSpawner
from ipc.spawners.thread import ThreadSpawner

from .toys import StandardSpawner

_PATIENCE_S = 5.0
MAKERS: list[Callable[[], Spawner]] = [ThreadSpawner, ProcessSpawner, StandardSpawner]


@pytest.mark.parametrize("check", [pytest.param(check, id=name) for name, check in spawner_checks(_PATIENCE_S)])
@pytest.mark.parametrize("make", MAKERS, ids=["thread", "process", "standard"])
def test_spawner(make: Callable[[], Spawner], check: Callable[[Any], str | None]) -> None:
    if reason := check(make):
        pytest.skip(reason)


def test_the_registry_is_as_before() -> None:
    legal, spawners = dict(LEGAL), dict(SPAWNERS)
    name, check = spawner_checks()[0]
    assert name == "answers"
    assert check(StandardSpawner) is None
    assert (legal, spawners) == (LEGAL, SPAWNERS)
