"""What a client of the door asks of the operator, as work of his."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from ...config import Config
from ...control import Call, ConfigCall, MoveCall, ProbeCall, ReloadCall, Reloaded, ServicesCall, Shown
from ...errors import NotARequest
from ..operate import MOVE_S, Operator
from ..probing import PROBE_S

OPERATIONS: Final = (ServicesCall, MoveCall, ConfigCall, ReloadCall, ProbeCall)
"""What `work_of` takes."""

_CUT_OFF: Final = "a move of the door would cut off who asks at it"


def work_of(call: Call, operator: Operator) -> Coroutine[Any, Any, Any]:
    """Its work, to be submitted to the operator. Raises NotARequest."""
    match call:
        case ServicesCall():
            return operator.services()
        case MoveCall("door"):
            right = "write its placement to the configuration, and send the node SIGHUP or start it again"
            raise NotARequest("move", f"{_CUT_OFF}; {right}, or call Node.move in the program that runs it")
        case MoveCall(service, placement, timeout_s):
            return operator.move(service, placement, timeout_s or MOVE_S)
        case ConfigCall(live):
            return _shown(operator, live)
        case ReloadCall(toml):
            return _reloaded(operator, toml)
        case ProbeCall(timeout_s):
            return operator.probe(timeout_s or PROBE_S)
    raise NotARequest(type(call).__name__, "the operator knows no such work")


async def _reloaded(operator: Operator, toml: str) -> Reloaded:
    return await operator.reload(Config.from_toml(toml) if toml else None, {"door": f"{_CUT_OFF}; SIGHUP does it"})


async def _shown(operator: Operator, live: bool) -> Shown:
    return operator.shown(live)
