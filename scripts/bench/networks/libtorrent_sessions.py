"""libtorrent's DHT, in C++ over UDP: BEP 44 items, in clear; mutable ones signed with Ed25519.

Each session has a thread of its own and tells what happened by alerts. One at a time, its condition variable is waited
for; several at a time, each session wakes a descriptor. What would slow or stop it on the loopback is lifted.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import select
import warnings
from collections.abc import Hashable, Sequence
from typing import Any

from networks.base import End, Get, Job, Nodes, Put
from networks.callbacks import Said, drive

READY_S = 10.0


def settings(lt: Any) -> dict[str, object]:
    """A DHT on the loopback and nothing else."""
    return {
        "listen_interfaces": "127.0.0.1:0",
        "enable_dht": True,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "dht_bootstrap_nodes": "",
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_prefer_verified_node_ids": False,
        "dht_enforce_node_id": False,
        "dht_ignore_dark_internet": False,
        "dht_extended_routing_table": True,
        "dht_aggressive_lookups": True,
        "dht_upload_rate_limit": 1_000_000_000,
        "dht_block_ratelimit": 100_000_000,
        "dht_max_dht_items": 1_000_000,
        "dht_item_lifetime": 0,
        "alert_queue_size": 100_000,
        "alert_mask": int(lt.alert.category_t.dht_notification),
    }


class LibtorrentSessions(Nodes):
    """Option: `record` is `immutable`, `mutable` (get: when its lookup ends) or `mutable-first` (get: first find)."""

    notes = "UDP, in clear; mutable items are signed, immutable ones hashed"

    async def start(self, count: int) -> list[tuple[int, str]]:
        import libtorrent as lt

        warnings.simplefilter("ignore", DeprecationWarning)  # of `dht_state` and `status`, which nothing replaces
        self.lt = lt
        self.first = self.options["record"] == "mutable-first"
        self.mutable = self.options["record"] != "immutable"
        self.sessions = [lt.session(settings(lt)) for _ in range(count)]
        self.secret, self.public = key_pair()
        self.polled = select.epoll()
        self.wakers: list[int] = []
        self.at: dict[int, int] = {}
        for number, session in enumerate(self.sessions):
            reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            self.wakers += [reader, writer]
            self.at[reader] = number
            self.polled.register(reader, select.EPOLLIN)
            session.set_alert_fd(writer)
        here = []
        for session in self.sessions:
            while not session.is_dht_running() or not session.listen_port():
                await asyncio.sleep(0.01)
            point = session.dht_state()[b"node-id"][0][:20]
            here.append((int.from_bytes(point, "big"), f"127.0.0.1:{session.listen_port()}"))
        return here

    async def join(self, everybody: Sequence[str]) -> None:
        own = {session: f"127.0.0.1:{session.listen_port()}" for session in self.sessions}
        for session in self.sessions:
            for address in everybody:
                if address != own[session]:
                    host, _, port = address.partition(":")
                    session.add_dht_node((host, int(port)))
        least = min(len(everybody) - 1, 24)
        for _ in range(int(READY_S / 0.05)):
            if all(session.status().dht_nodes >= least for session in self.sessions):
                return
            await asyncio.sleep(0.05)

    def target(self, key: object) -> int:
        assert isinstance(key, bytes)
        return int.from_bytes(hashlib.sha1(self.public + key).digest() if self.mutable else key, "big")

    async def run(self, jobs: Sequence[Job], in_flight: int, seconds: float) -> list[End]:
        for session in self.sessions:
            session.pop_alerts()
        self.busy = 0
        return drive(self._begin, self._wait_one if in_flight == 1 else self._wait_any, jobs, in_flight, seconds)

    def _begin(self, job: Job) -> Hashable:
        session = self.sessions[job.node]
        self.busy = job.node
        if isinstance(job, Put):
            if not self.mutable:
                return (job.node, session.dht_put_immutable_item(job.value).to_bytes())
            salt = b"%d" % job.number
            session.dht_put_mutable_item(self.secret, self.public, job.value, salt)
            return (job.node, salt)
        assert isinstance(job, Get) and isinstance(job.key, bytes)
        if self.mutable:
            session.dht_get_mutable_item(self.public, job.key)
        else:
            session.dht_get_immutable_item(self.lt.sha1_hash(job.key))
        return (job.node, job.key)

    def _wait_one(self, seconds: float) -> list[Said]:
        if not self.sessions[self.busy].wait_for_alert(int(seconds * 1000)):
            return []
        return self._said(self.busy)

    def _wait_any(self, seconds: float) -> list[Said]:
        found: list[Said] = []
        for descriptor, _ in self.polled.poll(seconds):
            os.read(descriptor, 4096)
            found += self._said(self.at[descriptor])
        return found

    def _said(self, number: int) -> list[Said]:
        lt, found = self.lt, []
        for alert in self.sessions[number].pop_alerts():
            kind = type(alert)
            if kind is lt.dht_immutable_item_alert:
                key = alert.target.to_bytes()
                found.append(Said((number, key), False, key, value=alert.item))
            elif kind is lt.dht_mutable_item_alert:
                if alert.authoritative or self.first:
                    found.append(Said((number, alert.salt), False, alert.salt, value=alert.item or b""))
            elif kind is lt.dht_put_alert:
                key = alert.salt if self.mutable else alert.target.to_bytes()
                found.append(Said((number, key), alert.num_success > 0, key, alert.num_success))
        return found

    async def stop(self) -> None:
        for session in getattr(self, "sessions", []):
            session.pause()
        self.sessions = []
        for descriptor in getattr(self, "wakers", []):
            os.close(descriptor)


def key_pair() -> tuple[bytes, bytes]:
    """An Ed25519 secret, expanded to 64 bytes as libtorrent takes it (RFC 8032, 5.1.5), and its public key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    half = bytearray(hashlib.sha512(key.private_bytes_raw()).digest())
    half[0] &= 248
    half[31] = (half[31] & 63) | 64
    return bytes(half), key.public_key().public_bytes_raw()
