"""A batch of puts, as the store's helper thread does it: each has its own verdict or its own error."""

from __future__ import annotations

from dataclasses import dataclass

from ipc import Token

from ...model import Record
from ...store import Putter, Store, StoreCorrupt, Verdict

Outcome = Verdict | Exception


@dataclass(frozen=True, slots=True)
class Write:
    """A verified record that is to be put. `token` None: nobody waits. `number`: of those that somebody waits for.

    `own`: it was remembered, and is answered by whether it is.
    """

    token: Token | None
    record: Record
    putter: Putter | None
    expect: int | None = None
    lease_s: float | None = None
    number: int = 0
    own: bool = False


def write_all(store: Store, writes: list[Write], now_s: float) -> list[Outcome]:
    """All of them, made durable by one sync; an outcome for each. Blocks.

    What is wrong with one is that one's outcome, and the others are stored. Where damage in the file ended the batch,
    each is tried again by itself, so that only those fail that meet it. Raises CommitFailed (a full disk): nothing is
    stored.
    """
    try:
        return _together(store, writes, now_s)
    except StoreCorrupt as error:
        if len(writes) == 1:
            return [error]
        return [outcome for write in writes for outcome in write_all(store, [write], now_s)]


def _together(store: Store, writes: list[Write], now_s: float) -> list[Outcome]:
    batch = store.begin_batch()
    errors: dict[int, Exception] = {}
    try:
        for at, write in enumerate(writes):
            try:
                batch.put(write.record, now_s, write.putter, compare=write.expect, lease_s=write.lease_s)
            except Exception as error:
                if batch.ended:
                    raise
                errors[at] = error
        verdicts = iter(batch.commit())
    except BaseException:
        batch.abort()
        raise
    return [errors[at] if at in errors else next(verdicts) for at in range(len(writes))]
