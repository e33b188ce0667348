"""The end of a tree: services in reverse order, then hosts, then whoever still waits. On the control loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from ..errors import Closed
from ..limits import STOP_TIMEOUT_S
from ..threads import on_running_loop
from .core import Tree
from .place import uninstall
from .records import ServiceRecord

log = logging.getLogger("ipc")


async def shut_down(tree: Tree, timeout_s: float = STOP_TIMEOUT_S) -> None:
    """Stop everything; nothing of it raises, and one slow stop holds up the others no longer than `timeout_s`.
    Idempotent.
    """
    if tree.closing:
        await tree.over.wait()
        return
    tree.closing = True
    tree.ending.set()
    try:
        await _end(tree, timeout_s)
    finally:
        tree.release()
        tree.over.set()


async def _end(tree: Tree, timeout_s: float) -> None:
    if tree.failed is not None:  # who waits learns why, before each service says no more than that it was closed
        for port in [port for ports in tree.ports.values() for port in ports.values() if port.owner is None]:
            await tree.drop_port(port, tree.failed)
    if tree.lock.locked():  # a move that is half done has its services in two places; those that wait see the end
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), tree.lock:
                pass
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
    tasks = tree.tasks - {asyncio.current_task()} if on_running_loop() else set()
    if tasks:
        await asyncio.wait(tasks, timeout=timeout_s)
    for task in tasks:
        task.cancel()
    if tree.operations:
        try:
            async with asyncio.timeout(timeout_s):
                await tree.idle.wait()
        except TimeoutError:
            log.error("%d operations on the tree did not end within %g s", tree.operations, timeout_s)


async def stop_service(tree: Tree, record: ServiceRecord, timeout_s: float) -> None:
    """Stop a service's shards; what they raise is logged."""
    record.stopped = True
    for cell in reversed(record.cells):
        try:
            await uninstall(tree, cell, timeout_s)
        except TimeoutError:
            log.error("service %r did not stop within %g s", record.name, timeout_s)
        except Exception as error:
            log.error(
                "service %r did not stop cleanly: %s: %s", record.name, type(error).__name__, error, exc_info=error
            )
    record.cells = []
