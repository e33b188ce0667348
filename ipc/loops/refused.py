"""What an event loop of virtual time cannot do, as one table: each method refuses at the call and names the reason."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NoReturn

from ipc.errors import IpcError

_DESCRIPTORS: Final = "virtual time has no descriptors; use channels of this process, or a loop of real time"
_THREADS: Final = "virtual time has no threads, whose order could not be repeated; call it on the loop itself"
_PROCESSES: Final = "virtual time has no processes, whose order could not be repeated; use a loop of real time"
_SIGNALS: Final = "virtual time has no signals, which come in real time; use signal.signal, or a loop of real time"


class NotVirtual(IpcError, NotImplementedError):
    """A loop of virtual time was asked for a descriptor, a thread, a process or a signal.

    `operation` is the method of the loop, `reason` says why it does not exist there.
    """

    def __init__(self, operation: str = "", reason: str = "") -> None:
        super().__init__(operation, reason)
        self.operation = operation
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.operation}: {self.reason}"


def _refused(operation: str, reason: str) -> Any:
    """A method that raises `NotVirtual`. It is `Any`, so that it may stand for every signature of the table."""

    def refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
        raise NotVirtual(operation, reason)

    refuse.__name__ = operation
    refuse.__qualname__ = f"RefusingLoop.{operation}"
    refuse.__doc__ = f"Raises `NotVirtual`: {reason}."
    return refuse


class RefusingLoop(asyncio.AbstractEventLoop):
    """The base of a loop without descriptors, threads, processes and signals. Nothing here blocks: it raises."""

    add_reader = _refused("add_reader", _DESCRIPTORS)
    remove_reader = _refused("remove_reader", _DESCRIPTORS)
    add_writer = _refused("add_writer", _DESCRIPTORS)
    remove_writer = _refused("remove_writer", _DESCRIPTORS)

    sock_recv = _refused("sock_recv", _DESCRIPTORS)
    sock_recv_into = _refused("sock_recv_into", _DESCRIPTORS)
    sock_recvfrom = _refused("sock_recvfrom", _DESCRIPTORS)
    sock_recvfrom_into = _refused("sock_recvfrom_into", _DESCRIPTORS)
    sock_sendall = _refused("sock_sendall", _DESCRIPTORS)
    sock_sendto = _refused("sock_sendto", _DESCRIPTORS)
    sock_connect = _refused("sock_connect", _DESCRIPTORS)
    sock_accept = _refused("sock_accept", _DESCRIPTORS)
    sock_sendfile = _refused("sock_sendfile", _DESCRIPTORS)
    sendfile = _refused("sendfile", _DESCRIPTORS)

    create_connection = _refused("create_connection", _DESCRIPTORS)
    create_server = _refused("create_server", _DESCRIPTORS)
    create_unix_connection = _refused("create_unix_connection", _DESCRIPTORS)
    create_unix_server = _refused("create_unix_server", _DESCRIPTORS)
    create_datagram_endpoint = _refused("create_datagram_endpoint", _DESCRIPTORS)
    connect_accepted_socket = _refused("connect_accepted_socket", _DESCRIPTORS)
    connect_read_pipe = _refused("connect_read_pipe", _DESCRIPTORS)
    connect_write_pipe = _refused("connect_write_pipe", _DESCRIPTORS)
    start_tls = _refused("start_tls", _DESCRIPTORS)

    run_in_executor = _refused("run_in_executor", _THREADS)
    set_default_executor = _refused("set_default_executor", _THREADS)
    getaddrinfo = _refused("getaddrinfo", _THREADS)
    getnameinfo = _refused("getnameinfo", _THREADS)

    subprocess_shell = _refused("subprocess_shell", _PROCESSES)
    subprocess_exec = _refused("subprocess_exec", _PROCESSES)

    add_signal_handler = _refused("add_signal_handler", _SIGNALS)
    remove_signal_handler = _refused("remove_signal_handler", _SIGNALS)
