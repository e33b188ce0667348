"""What a client of the door asks of the operator, as work of his."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from ...config import Config
from ...control import Call, ConfigCall, MoveCall, ProbeCall, ReloadCall, Reloaded, ServicesCall, Shown
from ...errors import NotARequest
from ..operate import MOVE_S, Operator

OPERATIONS: Final = (ServicesCall, MoveCall, ConfigCall, ReloadCall, ProbeCall)
"""What `work_of` takes."""


def work_of(call: Call, operator: Operator) -> Coroutine[Any, Any, Any]:
    """Its work, to be submitted to the operator. Raises NotARequest."""
    match call:
        case ServicesCall():
            return operator.services()
        case MoveCall("door"):
            raise NotARequest("move", "the door would cut off who asks at it; from inside the program it can be moved")
        case MoveCall(service, placement, timeout_s):
            return operator.move(service, placement, timeout_s or MOVE_S)
        case ConfigCall(live):
            return _shown(operator, live)
        case ReloadCall(toml):
            return _reloaded(operator, toml)
        case ProbeCall():
            return operator.probe()
    raise NotARequest(type(call).__name__, "the operator knows no such work")


async def _reloaded(operator: Operator, toml: str) -> Reloaded:
    return await operator.reload(Config.from_toml(toml) if toml else None)


async def _shown(operator: Operator, live: bool) -> Shown:
    return operator.shown(live)
