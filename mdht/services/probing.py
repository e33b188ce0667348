"""Whether a node really works: a record of its own is put and read again, every service is asked, its loop is timed."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Final, Protocol

from ipc import IpcError, Supervisor

from ..codec import Verdict
from ..control import Probed
from ..errors import MdhtError
from ..limits import VALUE_BYTES
from ..model import Content
from .api.commands import ApiNumbers
from .commands import Find, Get, Have, Kept, Put, Serve
from .files.commands import ServedNumbers
from .links.commands import LinkNumbers
from .peers.commands import PeerNumbers
from .store.commands import StoreNumbers
from .upkeep.commands import UpkeepNumbers

PROBE_S: Final = 5.0
"""Seconds for all of it: what needs no network takes milliseconds, and a sync of a busy disk a second or two."""

LEASE_S: Final = 60
"""Seconds that the probe's record is kept."""

LAG_S: Final = 1.0
"""Seconds of lateness of the event loop from which on a node is too busy: its peers ask others then."""

_NAP_S: Final = 0.05
"""Seconds slept in order to see by how much it takes longer."""

_PROBE: Final = b"probe of "
assert VALUE_BYTES > 64, "a probe is a record"


class Asked(Protocol):
    """What is needed of the operator."""

    async def tell(self, name: str, command: Any) -> Any: ...


async def probe(node: Asked, tree: Supervisor, timeout_s: float = PROBE_S) -> Probed:
    """It takes at most so many seconds: all are asked at once. Never raises but where the tree is closed: what fails is
    in the answer, by its step.
    """
    loop = asyncio.get_running_loop()
    failures: dict[str, str] = {}
    answered: dict[str, float] = {}

    until_s = loop.time() + timeout_s

    async def timed(name: str, outlet: str, command: Any, check: Any = None) -> float:
        began_s = loop.time()
        try:
            async with asyncio.timeout_at(until_s):
                answer = await node.tell(outlet, command)
            if check is not None and not check(answer):
                failures[name] = f"it answered {answer!r}"[:200]
        except TimeoutError:
            failures[name] = f"no answer within {timeout_s:g} s"
        except (MdhtError, IpcError) as error:
            failures[name] = f"{type(error).__name__}: {error}"
        return loop.time() - began_s

    async def work() -> tuple[float, float]:
        content = Content.make(_PROBE + os.urandom(16))
        packed = content.pack()
        put_s = await timed("put", "store", Serve(Put(packed, None, LEASE_S)), _is_stored)
        if "put" in failures:
            return put_s, 0.0
        return put_s, await timed("get", "store", Serve(Get(content.address)), lambda have: have == Have(packed))

    async def question(name: str, command: Any) -> None:
        answered[name] = await timed(name, name, command)

    began_s = loop.time()
    await asyncio.sleep(_NAP_S)
    lag_s = max(0.0, loop.time() - began_s - _NAP_S)
    if lag_s > LAG_S:
        failures["event loop"] = f"{lag_s:.2f} s late: too much is done in the node's own process"
    names = set(tree.names())
    working = asyncio.ensure_future(work())
    await asyncio.gather(working, *(question(name, command) for name, command in _QUESTIONS.items() if name in names))
    put_s, get_s = working.result()
    return Probed(put_s, get_s, lag_s, answered, failures)


def _is_stored(kept: Any) -> bool:
    return isinstance(kept, Kept) and kept.verdict in (Verdict.STORED, Verdict.HELD)


_QUESTIONS: Final[dict[str, Any]] = {
    "store": StoreNumbers(),
    "published": StoreNumbers(),
    "peers": PeerNumbers(),
    "upkeep": UpkeepNumbers(),
    "local": Serve(Find(bytes(32), 1)),
    "api": ApiNumbers(),
    "files": ServedNumbers(),
    "links": LinkNumbers(),
}
"""What each service answers by itself at once."""
