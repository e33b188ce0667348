"""Everything that an operator decides about one node, and what is wrong with it, all at once.

    Config(listen=("127.0.0.1:7000",), seeds=("5f1c…e0@example.org:7000",))
    Config.from_toml(text)          keys are the fields, in the top table or under [node]

Addresses are text here, so that one that is wrong is a fault of the configuration like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from .. import limits as bounds
from ..errors import BadText, ConfigError
from ..model.address import CONFIGURED, TCP, Address, Seed, parse_address, parse_seed
from ..model.identity import parse_id
from ..model.names import check_network
from .cpus import cpu_count as cpu_count
from .cpus import cpu_set
from .limits import Limits
from .profiles import PROFILES, limits_of, placed_by
from .reading import read_table, read_toml
from .services import SERVICES, Fault, ResolvedService, ServiceConfig, faults_of, misplaced
from .sharing import shared, together

STORES: Final = ("memory", "lmdb")

WILDCARDS: Final = ("0.0.0.0", "::")


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
    profile: str = "single"
    """Where services live and what bounds they have, but for those named below: one of `profiles.PROFILES`."""
    limits: Limits = None  # type: ignore[assignment]
    """Bounds; None: those of the profile."""
    services: Mapping[str, ServiceConfig | str] = field(default_factory=dict)
    """How single services differ from the profile: each its placement as text, or any parts of it."""

    def __post_init__(self) -> None:
        if self.limits is None:
            object.__setattr__(self, "limits", limits_of(self.profile))

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
        config = cls(**read_config({**tables, **keys}, faults))
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
        faults += self.limits.faults()
        faults += self._misplaced()
        return faults

    def _misplaced(self) -> list[Fault]:
        """What is wrong with services. Where the profile is unknown, those that name their placement are judged."""
        faults: list[Fault] = []
        known = self.profile in PROFILES
        if not known:
            faults.append(("profile", repr(self.profile), f"one of {', '.join(PROFILES)}"))
        profile = placed_by(self.profile, cpu_count) if known else {}
        cpus, placed = cpu_set(), dict(profile)
        for name, own in self.services.items():
            one = profile.get(name, ResolvedService()).but(own)
            stands = name in profile or isinstance(own, str) or own.placement is not None
            faults += faults_of(name, one, cpus, stands)
            if stands:
                placed[name] = one
        right = {name: one for name, one in placed.items() if name in SERVICES and not misplaced(name, one.placement)}
        faults += together(right)
        if "links" in right and right["links"].place.count > 1:
            for at, text in enumerate(self.listen):
                if _kind(text) not in ("", TCP):
                    tcp = "a TCP address: only its connections can be passed on to links in several places"
                    faults.append((f"listen[{at}]", repr(text), tcp))
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
    def placed(self) -> dict[str, ResolvedService]:
        """Every service as it is to be placed on this machine, with all its parts. Raises KeyError for an unknown
        profile.
        """
        placed = placed_by(self.profile, cpu_count)
        return shared({name: one.but(self.services.get(name, ServiceConfig())) for name, one in placed.items()})

    @property
    def places(self) -> int:
        """In how many places links live: shards of the link service."""
        return self.placed["links"].place.count

    @property
    def store_parts(self) -> int:
        """Into how many parts the store is divided."""
        return self.placed["store"].place.count

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


def parse_listen(text: str) -> tuple[str, str, int]:
    """Kind, host and port of `[kind://]host:port`, where the port may be 0. Raises BadText."""
    if text.endswith(":0"):
        address = parse_address(text[:-1] + "1")
        return address.kind, address.host, 0
    address = parse_address(text)
    return address.kind, address.host, address.port


def read_config(table: Mapping[str, Any], faults: list[Fault]) -> dict[str, Any]:
    """The values of a file's tables for `Config`; what is none of them, or of another type, is a fault."""
    table = dict(table)
    own, services = table.pop("limits", {}), table.pop("services", {})
    values = read_table({one.name: str(one.type) for one in fields(Config)}, "", table, faults)
    base = limits_of(str(values.get("profile", "single")))
    if isinstance(own, dict):
        known = {one.name: str(one.type) for one in fields(Limits)}
        values["limits"] = replace(base, **read_table(known, "limits.", own, faults))
    else:
        faults.append(("limits", repr(own), "a table of numbers"))
    if isinstance(services, dict):
        values["services"] = {name: _read_service(name, one, faults) for name, one in services.items()}
    else:
        faults.append(("services", repr(services), "a table: services.NAME, each a placement or a table"))
    return values


def _read_service(name: str, value: Any, faults: list[Fault]) -> ServiceConfig | str:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        faults.append((f"services.{name}", repr(value), "a placement as text, or a table"))
        return ServiceConfig()
    known = {one.name: str(one.type) for one in fields(ResolvedService)}
    return ServiceConfig(**read_table(known, f"services.{name}.", value, faults))


def _kind(listen: str) -> str:
    """Of what kind an address is; empty where it is none."""
    try:
        return parse_listen(listen)[0]
    except BadText:
        return ""


def _bytes(secret: str) -> bytes | None:
    try:
        data = bytes.fromhex(secret)
    except ValueError:
        return None
    return data if len(data) == bounds.SECRET_BYTES and len(secret) == 2 * len(data) else None
