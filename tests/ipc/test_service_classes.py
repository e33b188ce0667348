"""Which classes may be services: what would not be state is refused, rather than lost at the first move."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ipc import Service, launch


@dataclass
class Plain(Service):
    """A dataclass is fine."""

    step: int = 1
    seen: list[int] = field(default_factory=list)

    def call(self, command: int) -> list[int]:
        self.seen.append(command * self.step)
        return self.seen


@dataclass(slots=True)
class Slotted(Service):
    """Its field would not be among its attributes."""

    total: int = 0

    def call(self, command: int) -> int:
        self.total += command
        return self.total


class HandSlotted(Service):
    """The same by hand."""

    __slots__ = ("total",)

    def call(self, command: int) -> int:
        return command


@dataclass(frozen=True)
class Frozen(Service):
    """It could not be told its place."""

    step: int = 1

    def call(self, command: int) -> int:
        return command * self.step


def test_the_fields_of_a_dataclass_are_state() -> None:
    with launch(Plain(2), "thread") as plain:
        assert plain.call(1) == [2]
        plain.move("process")
        assert plain.call(2) == [2, 4]


@pytest.mark.parametrize("service", [Slotted(), HandSlotted()])
def test_slots_are_refused(service: Service) -> None:
    with pytest.raises(TypeError, match=r"'total' in __slots__"):
        launch(service, "inline")


def test_a_frozen_dataclass_is_refused() -> None:
    with pytest.raises(TypeError, match="frozen dataclass"):
        launch(Frozen(2), "inline")
