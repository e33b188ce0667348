"""Sockets that a service manager passes, and what is none."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from mdht.transport import CannotListen
from mdht.transport.accepting import listeners_at
from mdht.transport.inherited import MOST, inherited_sockets


def passed(count: str, names: str = "", pid: int = 0) -> dict[str, str]:
    return {"LISTEN_PID": str(pid or os.getpid()), "LISTEN_FDS": count, "LISTEN_FDNAMES": names, "OTHER": "stays"}


def test_one_that_is_passed() -> None:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        os.set_inheritable(made.fileno(), True)
        environment = passed("1", "mdht.socket")
        (given,) = inherited_sockets(environment, os.dup(made.fileno())).items()
        name, one = given
        with one:
            assert name == f"socket {one.fileno()} (mdht.socket)" and not one.get_inheritable()
            assert environment == {"OTHER": "stays"}, "children are not told of it"
            with socket.create_connection(made.getsockname(), 5):
                pass


@pytest.mark.parametrize(
    "environment",
    [{}, passed("0"), passed("x"), passed("-1"), passed(""), passed("٣"), passed("1", pid=1)],
)
def test_none_are(environment: dict[str, str]) -> None:
    assert inherited_sockets(environment, 1 << 20) == {}


def test_what_is_no_listening_tcp_socket() -> None:
    with pytest.raises(CannotListen, match="at most"):
        inherited_sockets(passed(str(MOST + 1)))
    with pytest.raises(CannotListen, match="Bad file descriptor"):
        inherited_sockets(passed("1"), 1 << 20)
    near, far = socket.socketpair()
    with near, far, pytest.raises(CannotListen, match="no TCP socket"):
        inherited_sockets(passed("1"), near.fileno())
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 5) as one:
        with pytest.raises(CannotListen, match="Accept=no"):
            inherited_sockets(passed("1"), one.fileno())


def test_it_takes_the_place_of_binding() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as given:
            port = given.getsockname()[1]
            (one,) = await listeners_at("0.0.0.0", port, [given])
            assert one.getsockname() == given.getsockname() and one.fileno() != given.fileno()
            one.close()
            with socket.create_connection(("127.0.0.1", port), 5):
                pass
            (other,) = await listeners_at("127.0.0.1", 0, [given])
            assert other.getsockname()[1] != port
            other.close()

    asyncio.run(main())
