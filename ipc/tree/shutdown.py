"""The end of a tree: services in reverse order, then hosts, then whoever still waits. On the control loop."""

from __future__ import annotations

import asyncio
import logging

from ..errors import Closed, IpcError
from ..limits import STOP_TIMEOUT_S
from .core import Tree
from .place import uninstall
from .records import ServiceRecord

log = logging.getLogger("ipc")


async def shut_down(tree: Tree, timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stop everything; nothing of it raises, and one slow stop holds up the others no longer than `timeout_s`.
    Idempotent.
    """
    if tree.closing:
        return
    tree.closing = True
    for record in reversed(list(tree.services.values())):
        await stop_service(tree, record, timeout_s)
    error = tree.failed or Closed("the tree is closed")
    for ports in list(tree.ports.values()):
        for port in list(ports.values()):
            await tree.drop_port(port, error)
    hosts = [host for host in tree.hosts.values() if host.spawned is not None]
    if hosts:
        await asyncio.gather(*(tree.drop_host(host) for host in hosts))
    for wire in list(tree.wires.values()):
        await tree.hang_up(wire)
    for task in tree.tasks:
        if task is not asyncio.current_task():
            task.cancel()
    tree.release()


async def stop_service(tree: Tree, record: ServiceRecord, timeout_s: float) -> None:
    """Stop a service's shards; what they raise is logged."""
    record.stopped = True
    for cell in reversed(record.cells):
        try:
            await uninstall(tree, cell, timeout_s)
        except TimeoutError:
            log.error("service %r did not stop within %g s", record.name, timeout_s)
        except (IpcError, Exception) as error:
            log.error(
                "service %r did not stop cleanly: %s: %s", record.name, type(error).__name__, error, exc_info=error
            )
    record.cells = []
