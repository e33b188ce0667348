"""The bench of a spawner: registered under a name of its own, and services placed by it."""

from __future__ import annotations

import os
from typing import Any, Self

from ..client import Client
from ..service import Service
from ..spawners.base import Spawner, register_spawner, unregister_spawner
from .bench import Bench, fresh_name
from .services import Act
from .verdict import NotApplicable


class SpawnerBench(Bench):
    """`name` is the word of the spawner in placements."""

    spawner: Spawner
    name: str

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self.spawner = self.make()
            self.name = self.spawner.name = fresh_name(self.spawner.name)
            register_spawner(self.spawner)
            self.undo.callback(unregister_spawner, self.name)
        except BaseException:
            self.undo.close()
            raise
        return self

    def start(self, service: Service, **options: Any) -> Client:
        """Launch a service with the spawner, over its fastest channel."""
        return self.launch(service, self.name, **options)

    def other_process(self) -> tuple[Client, int]:
        """An `Act` and its process id. Raises `NotApplicable` where it is in this process."""
        client = self.start(Act())
        pid: int = client.call(["where", None], self.patience_s)[0]
        if pid == os.getpid():
            raise NotApplicable("the spawner's hosts are in this process")
        return client, pid
