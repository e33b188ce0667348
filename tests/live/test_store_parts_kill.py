"""A node is killed while it is given records, and started with another number of store parts each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mdht.hostile.durability import Torture

KILLS = 8
PLACED = ("thread:3", "process:2", "thread", "thread:2", "process", "inline")


class Divided(Torture):
    """Each round divides the store anew, and the kill may come while it does."""

    def __init__(self, directory: Path, seed: int) -> None:
        super().__init__(directory, seed)
        self._plain = self._toml

    def kill(self) -> None:
        placement = PLACED[self.counts.kills % len(PLACED)]
        self._toml = f'{self._plain}[services]\nstore = "{placement}"\n'
        super().kill()


@pytest.mark.timeout(120)
def test_everything_acknowledged_is_there(tmp_path: Path) -> None:
    torture = Divided(tmp_path / "node", seed=5)
    while torture.counts.kills < KILLS:
        torture.kill()
    torture.look_for_all()
    assert torture.counts.lost == []
    assert torture.counts.acknowledged > 0
