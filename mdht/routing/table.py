"""The routing table: whom we know, more of them the nearer they are to our own id.

Theory of operation (Maymounkov & Mazières, *Kademlia*, 2002; refinements named where they come from):

- *Buckets.* Bucket i holds contacts that share exactly i leading bits with the own id; the last one holds all that
  share at least as many. Only the last one is split, when it overflows, so the table has about log2(n) buckets.
- *Relaxed sizes.* The first four buckets are wider than k (16, 8, 4 and 2 times, libtorrent's extended routing table):
  a few hundred contacts more save a hop on nearly every lookup.
- *Siblings.* A full bucket gives way to a contact that is one of the nearest to the own id (S/Kademlia, Baumgart & Mies
  2007): those are our fellow replicas, and k arbitrary ones of their bucket would not do.
- *Old ones stay.* A full bucket does not drop a live contact for a new one: uptime predicts uptime, and it cannot be
  flooded. The new one becomes a spare, and the caller is told whom to check.
- *Failing ones go.* With a proven spare at hand after `replace_after` failures, without one after `drop_after`: when
  our own network is down, everybody fails, and the table must outlive that.
- *Diversity.* See `diversity.py`. A contact told of by others is never more than a spare until it has proven itself.

Bounded by construction: at most 256 buckets, each with a fixed number of contacts and of spares. Time and random
numbers come in as arguments. Not thread-safe: one service owns it, others get `snapshot()`.
"""

from __future__ import annotations

from collections.abc import Iterator

from .bucket import NEVER_S, Bucket, is_proven
from .contact import Contact, Entry, Known
from .diversity import Diversity
from .keys import ID_BITS, shared_bits, to_bytes, to_int
from .nearest import Nearest, nearest_first
from .outcome import ADDED, DROPPED, HELD, UNKNOWN, Change, Outcome, Reason, TableStats
from .snapshot import Snapshot
from .table_config import TableConfig
from .trust import NEUTRAL, Trust

_DEFAULT = TableConfig()


class RoutingTable:
    """See the module. Every `peer_id` and `target` is 32 bytes, and a wrong length raises ValueError."""

    def __init__(self, own_id: bytes, now_s: float, config: TableConfig = _DEFAULT, trust: Trust = NEUTRAL) -> None:
        self.own_id = own_id
        self.config = config
        self.trust = trust
        self.version = 0
        """Grows whenever a snapshot would differ in its contacts."""
        self._own = to_int(own_id)
        self._buckets = [Bucket(now_s)]
        self._entries: dict[int, Entry] = {}
        self._order = Nearest()
        self._diversity = Diversity(config.diversity)
        self._failing = 0
        self._snapshot: Snapshot | None = None
        self._evicted = 0
        self._refused = dict.fromkeys(Reason, 0)

    # -- what happened to peers ----------------------------------------------------------------------------------------

    def seen(self, contact: Contact, now_s: float) -> Outcome:
        """A peer has proven its id, or answered: take it in, or note that it is alive."""
        number = to_int(contact.id)
        entry = self._entries.get(number)
        if entry is not None:
            return self._seen_again(entry, contact, now_s)
        reason = self._refusal(number, contact.id)
        if reason is not None:
            return self._refuse(reason)
        at, bucket = self._bucket(number)
        while len(bucket.entries) >= self._capacity(at) and self._split(at):
            at, bucket = self._bucket(number)
        spare = self._take_spare(at, bucket, contact.id)
        subnet = self._diversity.subnet(contact.host)
        if not self._diversity.room(at, subnet):
            return self._refuse(Reason.DIVERSITY)
        first_s = spare.first_seen_s if spare is not None and is_proven(spare) else now_s
        entry = Entry(contact, number, subnet, first_s, now_s)
        if len(bucket.entries) < self._capacity(at):
            self._enter(at, bucket, entry)
            return ADDED
        farther = self._farther_sibling(bucket, number)
        if farther is not None:
            self._leave(at, bucket, farther)
            self._enter(at, bucket, entry)
            self._make_spare(at, bucket, farther)
            return Outcome(Change.ADDED, replaced=farther.contact)
        self._make_spare(at, bucket, entry)
        return Outcome(Change.SPARE, check=self._questionable(bucket, now_s))

    def heard(self, contact: Contact, now_s: float) -> Outcome:
        """Somebody told us of a peer: keep it as a spare, if there is room, until it proves itself."""
        number = to_int(contact.id)
        if number in self._entries:
            return HELD
        at, bucket = self._bucket(number)
        if contact.id in bucket.spares:
            return HELD
        reason = self._refusal(number, contact.id)
        if reason is not None:
            return self._refuse(reason)
        subnet = self._diversity.subnet(contact.host)
        if not self._diversity.room(at, subnet):
            return self._refuse(Reason.DIVERSITY)
        if len(bucket.spares) >= self.config.spares:
            return self._refuse(Reason.NO_ROOM)
        self._diversity.add(at, subnet)
        bucket.spares[contact.id] = Entry(contact, number, subnet, NEVER_S, NEVER_S)
        return Outcome(Change.SPARE)

    def failed(self, peer_id: bytes, now_s: float) -> Outcome:
        """A peer did not answer, or could not be dialled: count it, and let it go when it has failed too often."""
        number = to_int(peer_id)
        at, bucket = self._bucket(number)
        entry = self._entries.get(number)
        if entry is None:
            return UNKNOWN if self._take_spare(at, bucket, peer_id) is None else DROPPED
        self._failing += entry.failed == 0
        entry.failed += 1
        self._changed()
        spare = bucket.best_spare(self.trust)
        if entry.failed < (self.config.drop_after if spare is None else self.config.replace_after):
            return HELD
        self._evicted += 1
        return self._drop(at, bucket, entry)

    def remove(self, peer_id: bytes) -> Outcome:
        """Forget a peer, such as one that is denied now. A proven spare takes its place."""
        number = to_int(peer_id)
        at, bucket = self._bucket(number)
        entry = self._entries.get(number)
        if entry is not None:
            return self._drop(at, bucket, entry)
        return UNKNOWN if self._take_spare(at, bucket, peer_id) is None else DROPPED

    # -- questions -----------------------------------------------------------------------------------------------------

    def closest(self, target: bytes, count: int) -> list[Contact]:
        """At most `count` contacts, nearest to `target` first; those that fail come last, and only to fill up."""
        goal, entries = to_int(target), self._entries
        if not self._failing:
            return [entries[number].contact for number in self._order.nearest(goal, count)]
        found: list[Contact] = []
        failing: list[Contact] = []
        for chunk in nearest_first(self._order.ids, goal):
            for far in chunk:
                entry = entries[far ^ goal]
                (failing if entry.failed else found).append(entry.contact)
            if len(found) >= count:
                break
        return (found + failing)[:count]

    def get(self, peer_id: bytes) -> Known | None:
        """A contact and its history; None where it is not in the table (spares are not)."""
        entry = self._entries.get(to_int(peer_id))
        return None if entry is None else entry.known()

    def __len__(self) -> int:
        """Contacts, without spares."""
        return len(self._entries)

    def __contains__(self, peer_id: bytes) -> bool:
        return to_int(peer_id) in self._entries

    def __iter__(self) -> Iterator[Known]:
        """All contacts in the order of their ids, as they are now."""
        return iter([self._entries[number].known() for number in self._order.ids])

    def unproven(self, count: int) -> list[Contact]:
        """At most `count` contacts heard of that would find room if they proved themselves: whom to dial next."""
        wanted: list[Contact] = []
        for at in range(len(self._buckets) - 1, -1, -1):
            bucket = self._buckets[at]
            room = self._capacity(at) - len(bucket.entries)
            untried = [spare.contact for spare in bucket.spares.values() if not is_proven(spare)]
            wanted += untried[: max(0, room)]
        return wanted[:count]

    # -- refreshing ----------------------------------------------------------------------------------------------------

    def next_deadline(self, now_s: float) -> float:
        """When `due` has something to say; never before `now_s`."""
        return max(now_s, min(bucket.refreshed_s for bucket in self._buckets) + self.config.refresh_s)

    def due(self, now_s: float) -> list[int]:
        """Buckets in which nothing was looked up for `refresh_s`, the one longest untouched first."""
        refreshed = {at: bucket.refreshed_s for at, bucket in enumerate(self._buckets)}
        late = [at for at in refreshed if now_s >= refreshed[at] + self.config.refresh_s]
        return sorted(late, key=refreshed.__getitem__)

    def refresh_target(self, bucket: int, random: int) -> bytes:
        """An id in the range of a bucket that `due` named: look it up, then tell `looked_up`.

        `random` is any number of at least 256 random bits. Raises IndexError for a bucket that does not exist.
        """
        if not 0 <= bucket < len(self._buckets):
            raise IndexError(f"there are {len(self._buckets)} buckets, and none numbered {bucket}")
        below = ID_BITS - bucket
        kept = self._own >> below << below
        rest = random & ((1 << below) - 1)
        if bucket < len(self._buckets) - 1:  # the last bucket has the own side, too
            other = ~self._own & (1 << (below - 1))
            rest = rest & ((1 << (below - 1)) - 1) | other
        return to_bytes(kept | rest)

    def looked_up(self, target: bytes, now_s: float) -> None:
        """A lookup of `target` has ended: its bucket is fresh."""
        _, bucket = self._bucket(to_int(target))
        bucket.refreshed_s = max(bucket.refreshed_s, now_s)

    # -- for others ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The contacts as an immutable value for other processes; the same object until `version` grows."""
        if self._snapshot is None or self._snapshot.version != self.version:
            self._snapshot = Snapshot(self.own_id, self.version, tuple(self))
        return self._snapshot

    def save(self) -> bytes:
        """The packed snapshot with every contact's latest time, for a file; `Snapshot.from_bytes`, then `restore`."""
        return Snapshot(self.own_id, self.version, tuple(self)).to_bytes()

    def restore(self, snapshot: Snapshot, now_s: float) -> int:
        """Take in the contacts of a saved table, each under the rules of `seen`; returns how many found room.

        They count as seen when they were, and as failing once, so that whoever answers now is asked before them. A
        snapshot of another own id is fine.
        """
        taken = 0
        for known in sorted(snapshot.rows, key=lambda known: known.first_seen_s):
            if to_int(known.contact.id) in self._entries:
                continue
            if self.seen(known.contact, min(known.last_seen_s, now_s)).change is not Change.ADDED:
                continue
            entry = self._entries[to_int(known.contact.id)]
            entry.first_seen_s = min(known.first_seen_s, now_s)
            entry.failed = 1
            self._failing += 1
            taken += 1
        return taken

    def stats(self) -> TableStats:
        """Plain numbers."""
        return TableStats(
            contacts=len(self._entries),
            spares=sum(len(bucket.spares) for bucket in self._buckets),
            buckets=len(self._buckets),
            failing=self._failing,
            evicted=self._evicted,
            refused_diversity=self._refused[Reason.DIVERSITY],
            refused_trust=self._refused[Reason.TRUST],
            version=self.version,
        )

    # -- inside --------------------------------------------------------------------------------------------------------

    def _bucket(self, number: int) -> tuple[int, Bucket]:
        at = min(shared_bits(number, self._own), len(self._buckets) - 1)
        return at, self._buckets[at]

    def _capacity(self, at: int) -> int:
        """The last bucket is split before it is wide, so a split never leaves a bucket with too many."""
        return self.config.bucket_size if at == len(self._buckets) - 1 else self.config.capacity(at)

    def _split(self, at: int) -> bool:
        """Split the last bucket: what shares one more bit with the own id goes into a new one."""
        if at != len(self._buckets) - 1 or at == ID_BITS - 1:
            return False
        bucket, deeper = self._buckets[at], Bucket(self._buckets[at].refreshed_s)
        for kept, taken in ((bucket.entries, deeper.entries), (bucket.spares, deeper.spares)):
            moved = [entry for entry in kept.values() if shared_bits(entry.number, self._own) > at]
            for entry in moved:
                taken[entry.contact.id] = kept.pop(entry.contact.id)
                self._diversity.move(entry.subnet, at, at + 1)
        self._buckets.append(deeper)
        return True

    def _seen_again(self, entry: Entry, contact: Contact, now_s: float) -> Outcome:
        at, bucket = self._bucket(entry.number)
        reason = self._refusal(entry.number, contact.id)
        if contact is not entry.contact and contact != entry.contact:
            subnet = self._diversity.subnet(contact.host)
            self._diversity.remove(at, entry.subnet)
            if reason is None and not self._diversity.room(at, subnet):
                reason = Reason.DIVERSITY  # it has moved to where too many are, and its old address is worth nothing
            entry.subnet, entry.contact = subnet, contact
            self._diversity.add(at, subnet)
            self._changed()
        if reason is not None:
            promoted = self._drop(at, bucket, entry).promoted
            self._refused[reason] += 1
            return Outcome(Change.REFUSED, reason=reason, promoted=promoted)
        if entry.failed:
            entry.failed = 0
            self._failing -= 1
            self._changed()
        entry.last_seen_s = max(entry.last_seen_s, now_s)
        bucket.touch(contact.id)
        return HELD

    def _refusal(self, number: int, peer_id: bytes) -> Reason | None:
        if number == self._own:
            return Reason.OWN_ID
        return Reason.TRUST if self.trust.peer(peer_id) < 0 else None

    def _refuse(self, reason: Reason) -> Outcome:
        self._refused[reason] += 1
        return Outcome(Change.REFUSED, reason=reason)

    def _enter(self, at: int, bucket: Bucket, entry: Entry) -> None:
        self._diversity.add(at, entry.subnet)
        bucket.entries[entry.contact.id] = entry
        self._entries[entry.number] = entry
        self._order.add(entry.number)
        self._failing += entry.failed > 0
        self._changed()

    def _leave(self, at: int, bucket: Bucket, entry: Entry) -> None:
        self._diversity.remove(at, entry.subnet)
        del bucket.entries[entry.contact.id]
        del self._entries[entry.number]
        self._order.remove(entry.number)
        self._failing -= entry.failed > 0
        self._changed()

    def _drop(self, at: int, bucket: Bucket, entry: Entry) -> Outcome:
        """A contact goes for good, and the best proven spare takes its place."""
        self._leave(at, bucket, entry)
        spare = bucket.best_spare(self.trust)
        if spare is None:
            return DROPPED
        self._take_spare(at, bucket, spare.contact.id)
        self._enter(at, bucket, spare)
        return Outcome(Change.DROPPED, promoted=spare.contact)

    def _make_spare(self, at: int, bucket: Bucket, entry: Entry) -> None:
        if self.config.spares == 0:
            return
        if len(bucket.spares) >= self.config.spares:
            self._take_spare(at, bucket, bucket.worst_spare(self.trust).contact.id)
        bucket.spares[entry.contact.id] = entry
        self._diversity.add(at, entry.subnet)

    def _take_spare(self, at: int, bucket: Bucket, peer_id: bytes) -> Entry | None:
        spare = bucket.spares.pop(peer_id, None)
        if spare is not None:
            self._diversity.remove(at, spare.subnet)
        return spare

    def _farther_sibling(self, bucket: Bucket, number: int) -> Entry | None:
        """The contact of a full bucket that gives way to a nearer sibling of ours; None where `number` is none."""
        own = self._own
        siblings = self._order.nearest(own, self.config.siblings)
        if not siblings or number ^ own >= siblings[-1] ^ own:
            return None
        farthest = max(bucket.entries.values(), key=lambda entry: entry.number ^ own)
        return farthest if farthest.number ^ own > number ^ own else None

    def _questionable(self, bucket: Bucket, now_s: float) -> Contact | None:
        """The contact longest unseen, if that is long enough to doubt it, and nobody was told lately."""
        oldest = bucket.oldest()
        if (
            now_s - oldest.last_seen_s < self.config.questionable_s
            or now_s - oldest.checked_s < self.config.check_again_s
        ):
            return None
        oldest.checked_s = now_s
        return oldest.contact

    def _changed(self) -> None:
        self.version += 1
