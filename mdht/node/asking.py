"""How a node asks its services: each request in three forms, with its deadline, again where a service dies over it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any, Final, Generic, NamedTuple, TypeVar

from ipc import CallTimeout, Client, ServiceDied

from ..errors import TimedOut, WrongState
from ..services.api.again import Again, future_again
from .blocking import check_may_block
from .life import NodeLife

T = TypeVar("T")

ASK_S: Final = 10.0
"""Seconds for what is answered without the network."""

_GRACE_S: Final = 2.0
"""Seconds beyond a request's deadline in which its own, better error comes."""


class Request(NamedTuple, Generic[T]):
    """A command for the service `to`, which answers with a T. `timeout` is in seconds; None: the configuration's."""

    to: str
    command: Any
    timeout: float | None


class Asking(NodeLife):
    """What every group of requests stands on."""

    def _s(self, timeout: float | None) -> float:
        if timeout is not None:
            return timeout
        return self.config.timeout_s if self._operator is None else self._operator.config.timeout_s

    def _client(self, name: str) -> Client:
        client = self._clients.get(name)
        if client is None:
            raise WrongState("a node", "closed" if self._entered else "not entered", "be asked")
        return client

    def _call(self, request: Request[T]) -> T:
        check_may_block()
        name, command, timeout = request
        client, wait_s = self._client(name), self._s(timeout)
        again: Again | None = None
        left_s = wait_s + _GRACE_S
        while True:
            try:
                return client.call(command, left_s)  # type: ignore[no-any-return]
            except CallTimeout:
                raise TimedOut(f"the {name} service", wait_s) from None
            except ServiceDied as error:
                again = again or Again(command, left_s)
                command, left_s = again.after(error)

    def _future(self, request: Request[T]) -> Future[T]:
        name, command, timeout = request
        client, wait_s = self._client(name), self._s(timeout) + _GRACE_S
        if self._operator is None or not self._operator.is_apart(name):
            return client.future(command, wait_s)
        return future_again(client.future, command, wait_s)

    async def _acall(self, request: Request[T]) -> T:
        name, command, timeout = request
        client, wait_s = self._client(name), self._s(timeout)
        if self._thread is not None:
            return await asyncio.wrap_future(self._future(request))
        again: Again | None = None
        left_s = wait_s + _GRACE_S
        while True:
            try:
                return await client.acall(command, left_s)  # type: ignore[no-any-return]
            except CallTimeout:
                raise TimedOut(f"the {name} service", wait_s) from None
            except ServiceDied as error:
                again = again or Again(command, left_s)
                command, left_s = again.after(error)
