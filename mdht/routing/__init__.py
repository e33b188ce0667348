"""Whom we know and how we find the rest: the routing table and lookups. No I/O, no clock, no randomness.

| file | what |
|---|---|
| `table` | the routing table; `bucket`, `diversity`, `contact`, `outcome`, `table_config` are its parts |
| `nearest` | the nearest of many ids, in microseconds |
| `snapshot` | the table as an immutable value: for other processes, and to be saved |
| `lookup` | an iterative lookup as a state machine; `candidates`, `lookup_steps`, `lookup_config` are its parts |
| `latency` | when an answer is late |
| `trust` | how peers and owners are ranked |
| `subnet`, `keys` | networks of hosts; ids and distances |

Ids and targets are 32 `bytes`; times are seconds and come as `now_s`, on any clock that does not go back.
"""

from __future__ import annotations

from .contact import Contact, Known
from .diversity import DiversityLimits
from .errors import BadSnapshot, NotAsked
from .keys import distance, shared_bits
from .latency import Latency, LatencyStats
from .lookup import Lookup
from .lookup_config import LookupConfig
from .lookup_steps import Ask, Done, End, Found, HasId, LookupStats, Result, Verdict, Wait
from .nearest import Nearest, nearest
from .outcome import Change, Outcome, Reason, TableStats
from .snapshot import Snapshot
from .subnet import is_local, subnet_of
from .table import RoutingTable
from .table_config import TableConfig
from .trust import NEUTRAL, NeutralTrust, Trust

__all__ = [
    "Ask",
    "BadSnapshot",
    "Change",
    "Contact",
    "DiversityLimits",
    "Done",
    "End",
    "Found",
    "HasId",
    "Known",
    "Latency",
    "LatencyStats",
    "Lookup",
    "LookupConfig",
    "LookupStats",
    "NEUTRAL",
    "Nearest",
    "NeutralTrust",
    "NotAsked",
    "Outcome",
    "Reason",
    "Result",
    "RoutingTable",
    "Snapshot",
    "TableConfig",
    "TableStats",
    "Trust",
    "Verdict",
    "Wait",
    "distance",
    "is_local",
    "nearest",
    "shared_bits",
    "subnet_of",
]
