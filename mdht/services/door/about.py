"""What the door says of its node, from the configuration and the process."""

from __future__ import annotations

import asyncio
import os
import platform
import sys

from ...config import Config
from ...control import About
from ...limits import PROTOCOL_VERSION
from ...model import Identity
from ...version import VERSION
from ..surroundings import Surroundings

if sys.platform != "win32":
    import resource


def about_of(config: Config, identity: Identity, around: Surroundings) -> About:
    """To be called on the node's event loop. The secret is not in it."""
    return About(
        version=VERSION,
        protocol=PROTOCOL_VERSION,
        pid=os.getpid(),
        started_s=around.wall_s(),
        id=identity.id,
        public=identity.public,
        network=config.network,
        private=bool(config.secret),
        data_dir=config.data_dir,
        store=config.store,
        replicas=config.replicas,
        min_replicas=config.min_replicas,
        timeout_s=config.timeout_s,
        loop=type(asyncio.get_running_loop()).__module__.partition(".")[0],
        python=platform.python_version(),
        open_files=open_files(),
        placements={name: part.placement for name, part in config.placed.items() if part.placement != "inline"},
        bootstrap=config.seeds,
    )


def open_files() -> int:
    """Most descriptors that this process may have open; 0: unknown, or no limit."""
    if sys.platform == "win32":
        return 0
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 0 if soft == resource.RLIM_INFINITY else soft
