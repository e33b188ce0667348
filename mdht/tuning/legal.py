"""Which placements each service of a node may have, and why not the others. Pure.

Two rules decide: the node's (`config.services`: what must stay, of what there may be several), and that of `ipc` (which
channel reaches which spawner, and what the service's class says of itself).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ipc import PlacementError, Service
from ipc.placement import LEGAL, Placement
from ipc.tree.legal import check_placement

from ..config import MANY, SERVICES, Config, ServiceConfig
from ..config.services import Fault, misplaced
from ..services.api.service import Api
from ..services.door.service import Door
from ..services.files.service import Files
from ..services.links.listener import Listener
from ..services.links.service import Links
from ..services.local import Local
from ..services.peers.service import Peers
from ..services.store.service import StoreService
from ..services.upkeep.service import Upkeep

CLASSES: Final[dict[str, type[Service]]] = {
    "store": StoreService,
    "published": StoreService,
    "peers": Peers,
    "upkeep": Upkeep,
    "local": Local,
    "api": Api,
    "files": Files,
    "links": Links,
    "listener": Listener,
    "door": Door,
}
"""Of each service of a node."""

assert set(CLASSES) == set(SERVICES), "every service has its class"

TOGETHER: Final = {
    "links": "several only together with `local`: one group of both, such as process:2@links",
    "local": "as many as `links`, in one group with them: what a peer asks is answered beside its link",
}
"""What a service needs of another."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One placement of one service. `reason`: why not, and what would be right; empty where it may be.

    `together`: the other service that has to be there, too, as a configuration has it; empty where it may be alone.
    """

    service: str
    placement: str
    reason: str
    together: str = ""

    @property
    def legal(self) -> bool:
        """Whether there is a configuration with it."""
        return not self.reason

    def __str__(self) -> str:
        if self.reason:
            return f"no: {self.reason}"
        return f"legal only together with {self.together}" if self.together else "legal"


def judged(service: str, placement: str) -> Verdict:
    """Whether a service may be there. Raises KeyError for a service that there is not."""
    cls = CLASSES[service]
    reason = misplaced(service, placement)
    if not reason:
        try:
            check_placement(cls, Placement.parse(placement))
        except PlacementError as error:
            reason = str(error)
    if reason or service not in TOGETHER or not _faults({service: placement}):
        return Verdict(service, placement, reason)
    other = next(name for name in TOGETHER if name != service)
    if faults := _faults({service: placement, other: placement}):
        return Verdict(service, placement, "; ".join(dict.fromkeys(right for _, _, right in faults)))
    return Verdict(service, placement, "", f'{other} = "{placement}"')


def _faults(services: dict[str, ServiceConfig | str]) -> list[Fault]:
    """What is wrong with a configuration that has these, and the others inline."""
    usual: dict[str, ServiceConfig | str] = dict.fromkeys(SERVICES, "inline")
    return Config(services=usual | services).validate()


def verdicts(service: str) -> list[Verdict]:
    """Every spawner and channel, alone and two of it, the fastest channel first. Raises KeyError."""
    found = []
    for spawner, channels in LEGAL.items():
        for channel in channels:
            found.append(judged(service, f"{spawner}+{channel}"))
        if service in MANY and spawner not in ("inline", "coroutine"):
            group = "@links" if service in TOGETHER else ""
            found.append(judged(service, f"{spawner}:2{group}+{channels[0]}"))
        else:
            found.append(judged(service, f"{spawner}:2+{channels[0]}"))
    return found
