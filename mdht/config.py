"""Everything that an operator decides about one node, and what is wrong with it, all at once.

    Config(listen=("127.0.0.1:7000",), seeds=("5f1c…e0@example.org:7000",))
    Config.from_toml(text)          keys are the fields, in the top table or under [node]

Addresses are text here, so that one that is wrong is a fault of the configuration like any other.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ipc import PlacementError
from ipc.placement import Placement

from . import limits as bounds
from .errors import BadText, ConfigError
from .model.address import CONFIGURED, Address, Seed, parse_address, parse_seed
from .model.identity import parse_id
from .model.names import check_network

Fault = tuple[str, str, str]
"""Key, what is wrong, what would be right."""

SERVICES: Final = ("store", "published", "peers", "upkeep", "local", "api", "files", "links", "listener", "door")
"""The services of a node, in the order in which they are started; `door` where there is a `data_dir`, and
`listener` where links live in several places."""

STAY: Final = {
    "peers": "it owns the routing table, which is not sent to another process",
    "listener": "its sockets stay with the node",
    "door": "it stops the node when it is told to, so it stays in the node's process",
}
"""Services that may not be in a process of their own, and why."""

MANY: Final = ("links", "local")
"""Services of which there may be several."""

STORES: Final = ("memory", "lmdb")

WILDCARDS: Final = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds that a node chooses; each default has its reason in `mdht.limits`."""

    links: int = bounds.LINKS
    """Links at a time; further peers are refused as `too many`."""
    half_open: int = bounds.HALF_OPEN
    """Links that others began and that have proven nothing yet; the oldest is dropped for a new one."""
    store_bytes: int = bounds.STORE_BYTES
    """Bytes of records kept for others and oneself."""
    owner_bytes: int = bounds.QUOTA_OWNER_BYTES
    """Of these, bytes of one owner's records."""
    peer_bytes: int = bounds.QUOTA_PEER_BYTES
    """Bytes put by one peer; what it shares beyond that goes to other peers, or is refused."""
    subnet_bytes: int = bounds.QUOTA_SUBNET_BYTES
    """Bytes put from one subnet, this machine's and local networks aside."""
    served_streams: int = bounds.SERVED_STREAMS
    """Streams of files that peers may have open here at a time; further ones are told to wait."""
    requests: int = 4_096
    """Requests of this node's own user at a time; further ones are refused at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One node. `validate` lists everything that is wrong."""

    network: str = "mdht"
    """Name of the network; nodes of another one are refused."""
    secret: str = ""
    """64 hexadecimal digits that all nodes of a private network share; empty: anybody may join."""
    listen: tuple[str, ...] = ("127.0.0.1:0",)
    """Where others may dial, `[kind://]host:port`; port 0 takes any that is free. Empty: this node only dials."""
    advertise: tuple[str, ...] = ()
    """Addresses told to others. Empty: those of `listen`, which must then name a host, not all of them."""
    seeds: tuple[str, ...] = ()
    """Whom to dial first, `[id@][kind://]host:port`; without an id, whoever answers there is trusted."""
    data_dir: str = ""
    """Directory of the identity and the store, made if missing. Empty: a new identity each time, nothing is kept."""
    store: str = "memory"
    """`memory`: gone with the node. `lmdb`: a file in `data_dir`, synced before a put is acknowledged."""
    door: bool = True
    """Whether other processes of the same user reach the node by a socket in `data_dir` (the command line does)."""
    replicas: int = bounds.REPLICAS
    """r: peers that a put is sent to. More survive more departures, and cost that many messages a put."""
    file_replicas: int = bounds.FILE_REPLICAS
    """The same for each part of a file, where `share` names none."""
    min_replicas: int = bounds.MIN_REPLICAS
    """Replicas that must have stored a put before it counts as done."""
    reads: int = 3
    """Replicas from which a get of an owned record or open name wants a version: it gives the newest of them."""
    alpha: int = bounds.ALPHA
    """α: peers that a lookup asks at once. More is faster among dead peers, and costs more messages."""
    timeout_s: float = bounds.LOOKUP_TIMEOUT_S
    """Seconds for one request of this node's user, where the call names none."""
    allow: tuple[str, ...] = ()
    """Ids (64 hexadecimal digits) that alone may link; empty: all but those of `deny`."""
    deny: tuple[str, ...] = ()
    """Ids that may not link."""
    limits: Limits = field(default_factory=Limits)
    """Bounds."""
    placements: Mapping[str, str] = field(default_factory=dict)
    """Where each service lives; those not named are `inline`."""

    # -- reading -------------------------------------------------------------------------------------------------------

    @classmethod
    def from_toml(cls, text: str) -> Config:
        """The configuration written there, validated. Raises ConfigError with all its faults."""
        return cls.from_tables(read_toml(text))

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> Config:
        """The configuration of such tables, as `read_toml` gives them. Raises ConfigError with all its faults."""
        tables = dict(tables)
        keys = tables.pop("node", {}) if isinstance(tables.get("node"), dict) else {}
        faults: list[Fault] = []
        config = cls(**_read(cls, "", {**tables, **keys}, faults))
        faults += config.validate()
        if faults:
            raise ConfigError(faults)
        return config

    @classmethod
    def load(cls, path: str) -> Config:
        """The configuration in that file. Raises ConfigError and OSError."""
        with open(path, "rb") as file:
            data = file.read()
        return cls.from_tables(read_toml(data))

    # -- checking ------------------------------------------------------------------------------------------------------

    def validate(self) -> list[Fault]:
        """Everything that is wrong, in the order of the fields; empty where nothing is."""
        faults: list[Fault] = []

        def read(key: str, texts: tuple[str, ...], reader: Any) -> None:
            for at, text in enumerate(texts):
                try:
                    reader(text)
                except BadText as error:
                    faults.append((f"{key}[{at}]", repr(text), error.reason))

        def least(key: str, value: float, low: float) -> None:
            if not value >= low:
                faults.append((key, repr(value), f"at least {low:g}"))

        try:
            check_network(self.network)
        except BadText as error:
            faults.append(("network", repr(self.network), error.reason))
        if self.secret and _bytes(self.secret) is None:
            wrong = f"{len(self.secret)} characters"  # never the secret itself
            faults.append(("secret", wrong, f"{2 * bounds.SECRET_BYTES} hexadecimal digits, or empty"))
        read("listen", self.listen, parse_listen)
        wrong_keys = {key for key, _, _ in faults}
        if not self.advertise:
            for at, text in enumerate(self.listen):
                if f"listen[{at}]" not in wrong_keys and parse_listen(text)[1] in WILDCARDS:
                    right = "a host of its own, or `advertise` with the address by which others reach this machine"
                    faults.append((f"listen[{at}]", repr(text), right))
        read("advertise", self.advertise, parse_address)
        if len(self.advertise or self.listen) > bounds.PEER_ADDRESSES:
            faults.append(("advertise", f"{len(self.advertise or self.listen)}", f"at most {bounds.PEER_ADDRESSES}"))
        read("seeds", self.seeds, parse_seed)
        if self.store not in STORES:
            faults.append(("store", repr(self.store), f"one of {', '.join(STORES)}"))
        if self.store == "lmdb" and not self.data_dir:
            faults.append(("data_dir", "empty", 'a directory for the lmdb store, or store = "memory"'))
        least("replicas", self.replicas, 1)
        if self.replicas > bounds.CLOSEST_PEERS:
            faults.append(("replicas", repr(self.replicas), f"at most {bounds.CLOSEST_PEERS}"))
        if not 1 <= self.file_replicas <= bounds.CLOSEST_PEERS:
            faults.append(("file_replicas", repr(self.file_replicas), f"1 to {bounds.CLOSEST_PEERS}"))
        for key, value in (("min_replicas", self.min_replicas), ("reads", self.reads)):
            if not 1 <= value <= max(self.replicas, 1):
                faults.append((key, repr(value), f"1 to replicas ({self.replicas})"))
        least("alpha", self.alpha, 1)
        if not self.timeout_s > 0:
            faults.append(("timeout_s", repr(self.timeout_s), "more than 0"))
        read("allow", self.allow, parse_id)
        read("deny", self.deny, parse_id)
        for name in ("links", "half_open", "served_streams", "requests"):
            least(f"limits.{name}", getattr(self.limits, name), 1)
        least("limits.store_bytes", self.limits.store_bytes, 1 << 20)
        for name in ("owner_bytes", "peer_bytes", "subnet_bytes"):
            least(f"limits.{name}", getattr(self.limits, name), 1 << 17)
        for name, placement in self.placements.items():
            if name not in SERVICES:
                faults.append((f"placements.{name}", "no such service", f"one of {', '.join(SERVICES)}"))
            elif fault := _misplaced(name, placement):
                faults.append((f"placements.{name}", repr(placement), fault))
        if not faults and self.places > 1:
            links = Placement.parse(self.placements["links"])
            local = Placement.parse(self.placements.get("local", "inline"))
            if links.group is None or (local.spawner, local.count, local.group) != (
                links.spawner,
                links.count,
                links.group,
            ):
                right = f"{links.spawner}:{links.count}@links for both: each process of links answers for itself"
                faults.append(("placements.local", f"{local} beside {links}", right))
        return faults

    def check(self) -> None:
        """Raises ConfigError where `validate` finds anything."""
        if faults := self.validate():
            raise ConfigError(faults)

    # -- as values (of a valid configuration) --------------------------------------------------------------------------

    @property
    def secret_bytes(self) -> bytes:
        """The secret, 32 bytes, or none."""
        return _bytes(self.secret) or b""

    @property
    def places(self) -> int:
        """In how many places links live: shards of the link service."""
        return Placement.parse(self.placements.get("links", "inline")).count

    @property
    def listen_at(self) -> list[tuple[str, str, int]]:
        """Kind, host and port of each."""
        return [parse_listen(text) for text in self.listen]

    @property
    def advertised(self) -> list[Address]:
        """What `advertise` names."""
        return [parse_address(text, CONFIGURED) for text in self.advertise]

    @property
    def first_peers(self) -> list[Seed]:
        """The seeds."""
        return [parse_seed(text) for text in self.seeds]

    @property
    def allowed(self) -> frozenset[bytes]:
        """Ids that alone may link; empty: no such list."""
        return frozenset(map(parse_id, self.allow))

    @property
    def denied(self) -> frozenset[bytes]:
        """Ids that may not."""
        return frozenset(map(parse_id, self.deny))

    def __repr__(self) -> str:
        return f"<config of a node in {self.network!r}, listening at {', '.join(self.listen) or 'nothing'}>"


def read_toml(text: str | bytes) -> dict[str, Any]:
    """The tables written there, unchecked. Raises ConfigError where it is no TOML in UTF-8."""
    try:
        return tomllib.loads(text if isinstance(text, str) else text.decode())
    except UnicodeDecodeError as error:
        raise ConfigError([("toml", str(error), "a file in UTF-8")]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([("toml", str(error), "TOML 1.0")]) from None


def parse_listen(text: str) -> tuple[str, str, int]:
    """Kind, host and port of `[kind://]host:port`, where the port may be 0. Raises BadText."""
    if text.endswith(":0"):
        address = parse_address(text[:-1] + "1")
        return address.kind, address.host, 0
    address = parse_address(text)
    return address.kind, address.host, address.port


def _misplaced(service: str, text: str) -> str:
    """What would be right instead of this placement; empty where it is."""
    try:
        placement = Placement.parse(text)
    except PlacementError as error:
        return str(error)
    if placement.count > 1 and service not in MANY:
        return f"one of it, without a count; several there may be of {', '.join(MANY)}"
    if placement.count > 1 and placement.spawner == "inline":
        return "inline without a count: it is all one thread"
    if placement.spawner == "process" and service in STAY:
        return f"inline, coroutine or thread: {STAY[service]}"
    return ""


def _bytes(secret: str) -> bytes | None:
    try:
        data = bytes.fromhex(secret)
    except ValueError:
        return None
    return data if len(data) == bounds.SECRET_BYTES and len(secret) == 2 * len(data) else None


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _read(cls: type[Any], prefix: str, table: Mapping[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """The values of a table for the fields of `cls`; those that are none of them, or of another type, are faults."""
    known = {one.name: str(one.type) for one in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        kind = known.get(key)
        name = prefix + key
        if kind is None:
            faults.append((name, "no such key", f"one of {', '.join(known)}"))
        elif kind == "Limits" and isinstance(value, dict):
            values[key] = Limits(**_read(Limits, f"{name}.", value, faults))
        elif kind.startswith("tuple") and isinstance(value, list) and all(isinstance(one, str) for one in value):
            values[key] = tuple(value)
        elif (
            (kind == "str" and isinstance(value, str))
            or (kind == "bool" and type(value) is bool)
            or (kind == "int" and type(value) is int)
            or (kind == "float" and type(value) in (int, float))
            or (kind.startswith("Mapping") and _is_texts(value))
        ):
            values[key] = value
        else:
            right = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
            right["Limits"] = "a table of numbers"
            other = "a list of text" if "tuple" in kind else "a table of text"
            wrong = "of another type" if key == "secret" else repr(value)
            faults.append((name, wrong, right.get(kind, other)))
    return values
