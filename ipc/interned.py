"""Interned values: one handle a process per key, packed once, sent once per connection, and replaced by publishing.

Theory of operation. A handle holds a *definition*: version, packed bytes, value. Definitions of a key are ordered by
(version, packed bytes), and a handle takes another definition only if it is greater than its own: whatever the order
in which definitions arrive, all processes end at the greatest, two publishers of one version included.

A message refers to a handle by key and version. Before it goes out, its connection sends the definitions that the other
side lacks. What the other side has is known without asking: each direction of a connection has a first-in-first-out
table of `limits.INTERNED_KNOWN` keys that both ends change by the same rule, at the same definitions, in the same
order. A definition of a key in the table replaces it in place; another is appended, and the oldest key goes. Both ends
hold the handles in their tables, so a handle that is referred to is alive, and one made anew cannot start again at
version 1 while somebody remembers a later one. A new connection starts with empty tables.

    table.outgoing(handles)  ->  definitions  ->  table.incoming(key, version, packed)
    message with references  ->     bytes     ->  loads

References are looked up while a message is unpacked, so its definitions must be applied before that: they travel in a
frame before it, not in the same packed list.

`publish` asks each connection that knows the key, in either direction, to send the new definition. A process that
takes a greater definition asks its other connections the same, and one that is sent a lesser definition than its own
asks that connection to carry its own back.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, Protocol

from .errors import BadFrame, NotSendable
from .limits import INTERNED_KNOWN, NEST_DEPTH

KEY_CHARS: Final = 512
"""Longest key, in characters: it is sent with every reference."""

VERSION_MAX: Final = (1 << 63) - 1
"""Highest version: a signed 64-bit number in every language."""


class Definition(NamedTuple):
    """What a handle stands for at one time. The first two are its rank; `height` is how deep the value is nested."""

    version: int
    packed: bytes
    value: Any
    height: int

    @property
    def rank(self) -> tuple[int, bytes]:
        """Greater is newer, in every process alike."""
        return self.version, self.packed


class Interned:
    """The handle of a value that many messages refer to: `key`, `version`, `value`. There is one a process per key.

    `Interned(key, value)` makes it at version 1, or returns the live one. Raises NotSendable where the value cannot be
    packed, and ValueError where the key is not text of 1 to `KEY_CHARS` characters or is alive with another value: then
    `publish` is meant. The value is packed here and now; it must not be changed afterwards. Does not block; any thread.
    """

    __slots__ = ("__weakref__", "_definition", "_key")
    _key: str
    _definition: Definition

    def __new__(cls, key: str, value: Any) -> Interned:
        _check_key(key)
        definition = _define(1, value)
        with _lock:
            handle = _handles.get(key)
            if handle is None:
                return _make(key, definition)
        live = handle._definition
        if live.packed != definition.packed and not (type(live.value) is type(value) and live.value == value):
            raise ValueError(f"interned key {key!r} has another value (version {live.version}); change it by publish()")
        return handle

    @staticmethod
    def get(key: str) -> Interned:
        """The live handle of `key`. Raises KeyError where there is none."""
        handle = _handles.get(key) if type(key) is str else None
        if handle is None:
            raise KeyError(key)
        return handle

    @staticmethod
    def learn(key: str, version: int, packed: bytes, decode: Callable[[bytes], Any]) -> tuple[Interned, bool]:
        """The handle of `key` after a definition from elsewhere, and whether it took it.

        `decode` unpacks the value if it is taken; what it raises goes through. Raises BadFrame where the key, the
        version or the bytes are none. Nothing is sent on.
        """
        if type(key) is not str or not 0 < len(key) <= KEY_CHARS:
            raise BadFrame("an interned definition without a key")
        if type(version) is not int or not 0 < version <= VERSION_MAX or type(packed) is not bytes:
            raise BadFrame(f"the definition of the interned value {key!r} is no version and packed value")
        handle = _handles.get(key)
        if handle is not None and handle._definition.rank >= (version, packed):
            return handle, False
        definition = _measured(version, packed, decode(packed))
        if definition.height > NEST_DEPTH:
            raise BadFrame(f"the interned value {key!r} is nested deeper than {NEST_DEPTH}")
        with _lock:
            handle = _handles.get(key)
            if handle is None:
                return _make(key, definition), True
            if handle._definition.rank >= definition.rank:
                return handle, False
            handle._definition = definition
            return handle, True

    def publish(self, value: Any) -> None:
        """Give the key a newer version with this value, here at once and in every process that knows the key soon.

        Raises NotSendable where the value cannot be packed; nothing has changed then. Does not block; any thread.
        """
        definition = _define(1, value)
        with _lock:
            if self._definition.version >= VERSION_MAX:
                raise ValueError(f"interned key {self._key!r} has no version left")
            self._definition = definition._replace(version=self._definition.version + 1)
        _push(self, None)

    @property
    def key(self) -> str:
        """The name, the same in every process."""
        return self._key

    @property
    def version(self) -> int:
        """1 for the first value, one more for each published one."""
        return self._definition.version

    @property
    def value(self) -> Any:
        """The newest value that this process knows. To be read only."""
        return self._definition.value

    @property
    def packed(self) -> bytes:
        """The packed value, as `ipc.codec.dumps` gives it."""
        return self._definition.packed

    @property
    def definition(self) -> Definition:
        """Version, packed bytes and value that belong together, at one moment."""
        return self._definition

    def __repr__(self) -> str:
        return f"Interned({self._key!r}, version {self._definition.version})"

    def __copy__(self) -> Interned:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Interned:
        return self


_handles: Final[weakref.WeakValueDictionary[str, Interned]] = weakref.WeakValueDictionary()
_lock: Final = threading.RLock()
"""Guards `_handles` and every definition. Re-entrant, because a finaliser may run while it is held."""


def _make(key: str, definition: Definition) -> Interned:
    handle = object.__new__(Interned)
    handle._key = key
    handle._definition = definition
    _handles[key] = handle
    return handle


def _check_key(key: str) -> None:
    if type(key) is not str or not 0 < len(key) <= KEY_CHARS:
        raise ValueError(f"an interned key is text of 1 to {KEY_CHARS} characters, not {key!r:.80}")


# The codec knows handles, so it imports this module, and is imported here when it is used.


def _define(version: int, value: Any) -> Definition:
    from .codec import dumps

    return _measured(version, dumps(value), value)


def _measured(version: int, packed: bytes, value: Any) -> Definition:
    from .codec import height

    return Definition(version, packed, value, height(value))


# -- connections -------------------------------------------------------------------------------------------------------


class Link(Protocol):
    """What a connection offers to be told of newer versions."""

    def define(self, handle: Interned) -> None:
        """Queue the definition of `handle`: send `outgoing([handle])` soon. Any thread; must not block or raise."""


class InternLinks:
    """The tables of all live connections of this process: whom `publish` tells. Thread-safe."""

    def __init__(self) -> None:
        self._tables: weakref.WeakSet[InternTable] = weakref.WeakSet()
        self._lock = threading.RLock()

    def add(self, table: InternTable) -> None:
        """Tell this table's connection of newer versions, for as long as the table lives."""
        with self._lock:
            self._tables.add(table)

    def discard(self, table: InternTable) -> None:
        """Tell it no more. Nothing happens where it is not told."""
        with self._lock:
            self._tables.discard(table)

    def tables(self) -> list[InternTable]:
        """A copy of what is registered now."""
        with self._lock:
            return list(self._tables)


LINKS: Final = InternLinks()


class _Fifo:
    """One direction's table: key -> handle and the rank that was sent; oldest key first, bounded."""

    __slots__ = ("_capacity", "_entries")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: dict[str, tuple[Interned, tuple[int, bytes]]] = {}

    def rank(self, key: str) -> tuple[int, bytes] | None:
        entry = self._entries.get(key)
        return None if entry is None else entry[1]

    def record(self, handle: Interned, rank: tuple[int, bytes]) -> None:
        """The rule that both ends follow: a known key keeps its place, a new one is appended and the oldest goes."""
        entries = self._entries
        if handle.key not in entries and len(entries) >= self._capacity:
            del entries[next(iter(entries))]
        entries[handle.key] = (handle, rank)

    def clear(self) -> None:
        self._entries.clear()


class InternTable:
    """What one connection, `link`, has sent and received of interned definitions. The connection owns it.

    Thread-safe, but the order of the calls is the order on the wire: what `outgoing` returns is sent before anything
    that a later call returns, and `incoming` is called in the order of arrival. `link` is held weakly. `capacity` is
    protocol: both ends have the same.
    """

    __slots__ = ("__weakref__", "_capacity", "_link", "_lock", "_received", "_sent")

    def __init__(self, link: Link, capacity: int = INTERNED_KNOWN) -> None:
        self._link = weakref.ref(link)
        self._capacity = capacity
        self._lock = threading.RLock()
        self._sent = _Fifo(capacity)
        self._received = _Fifo(capacity)
        LINKS.add(self)

    def outgoing(self, handles: Iterable[Interned]) -> list[tuple[str, int, bytes]]:
        """The definitions (key, version, packed value) to send before a message that refers to these handles.

        They are recorded as known to the other side. Several messages may share one call, if all the definitions go
        before all the messages. Raises NotSendable where there are more than `capacity` different keys.
        """
        wanted = {handle.key: handle for handle in handles}
        if len(wanted) > self._capacity:
            raise NotSendable("interned", "Interned", f"a message may refer to {self._capacity} interned keys at most")
        definitions: list[tuple[str, int, bytes]] = []
        with self._lock:
            # A new key may push out another one of this message, which then is sent again; what this call appended
            # is never pushed out by it, so the loop ends.
            again = True
            while again:
                again = False
                for handle in wanted.values():
                    rank = handle.definition.rank
                    known = self._sent.rank(handle.key)
                    if known is None or known < rank:
                        self._sent.record(handle, rank)
                        definitions.append((handle.key, *rank))
                        again = True
        return definitions

    def incoming(self, key: str, version: int, packed: bytes | memoryview) -> Interned:
        """Apply a definition that has arrived, and return the handle. Raises BadFrame where it is none.

        A value of a type not registered here is kept as an `Unknown`: what refers to it is marked as unknown.
        """
        if not isinstance(packed, (bytes, bytearray, memoryview)):
            raise BadFrame("an interned definition without a packed value")
        data = bytes(packed)
        handle, taken = Interned.learn(key, version, data, _decode)
        rank = (version, data)
        with self._lock:
            self._received.record(handle, rank)
        if taken:
            _push(handle, self)
        elif handle.definition.rank > rank:
            self.tell(handle)
        return handle

    def knows(self, key: str) -> int | None:
        """The version that the other side is known to have, from either direction; None where the key is unknown."""
        rank = self._known(key)
        return None if rank is None else rank[0]

    def clear(self) -> None:
        """Forget everything: the connection has ended, or starts anew."""
        with self._lock:
            self._sent.clear()
            self._received.clear()

    def close(self) -> None:
        """Forget everything and be told of nothing more. May be called twice."""
        LINKS.discard(self)
        self.clear()

    def tell(self, handle: Interned) -> None:
        """Ask the connection to send this handle's definition, if the other side knows the key by a lesser one."""
        known = self._known(handle.key)
        if known is None or known >= handle.definition.rank:
            return
        link = self._link()
        if link is not None:
            link.define(handle)

    def _known(self, key: str) -> tuple[int, bytes] | None:
        with self._lock:
            ranks = [rank for rank in (self._sent.rank(key), self._received.rank(key)) if rank is not None]
        return max(ranks, default=None)


def _decode(packed: bytes) -> Any:
    from .codec import Unknown, loads_marked

    value, unknown = loads_marked(packed)
    return Unknown(min(unknown)) if unknown else value


def _push(handle: Interned, source: InternTable | None) -> None:
    for table in LINKS.tables():
        if table is not source:
            table.tell(handle)
