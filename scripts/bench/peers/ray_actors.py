"""Two Ray actors in worker processes of a local cluster, which is started and ended with the subject."""

from __future__ import annotations

import os
from typing import Any

from asking import Asking
from subject import WAIT_S

STORE_BYTES = 512 << 20


class RayActor(Asking):
    name = "Ray"

    def start(self, payload: bytes) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray  # starts threads of its own, so not before it is this subject's turn

        self.ray = ray
        self.payload, self.sent = payload, 0
        ray.init(
            address="local",
            num_cpus=2,
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            logging_level="error",
            log_to_driver=False,
        )
        self.echo, self.sink = ray.remote(Echo).remote(), ray.remote(Sink).remote()
        self.tell = self.sink.call.remote
        self.ask(payload)

    def count(self) -> int:
        return self.ray.get(self.sink.call.remote(b"count"), timeout=WAIT_S)

    def ask(self, message: bytes) -> Any:
        return self.ray.get(self.echo.call.remote(message), timeout=WAIT_S)

    def ask_all(self, messages: list[bytes]) -> list[Any]:
        call = self.echo.call.remote
        return self.ray.get([call(message) for message in messages], timeout=WAIT_S)

    def stop(self) -> None:
        self.ray.shutdown()


class Echo:
    def call(self, message: Any) -> Any:
        return message


class Sink:
    def __init__(self) -> None:
        self.received = 0

    def call(self, message: Any) -> int | None:
        if message == b"count":
            return self.received
        self.received += 1
        return None
