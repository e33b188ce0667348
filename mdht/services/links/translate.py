"""Between what is said over a link (`codec`) and what services say to each other (`commands`)."""

from __future__ import annotations

from ... import codec
from ...errors import BadMessage, RequestFailed
from ..commands import Find, Get, GetAll, Have, HaveAll, Kept, Nearest, Put, Question, Reply


def question_of(message: codec.Request) -> Question | None:
    """What a peer asks; None for what the session answers itself."""
    match message:
        case codec.Get(_, address, peers):
            return Get(address, peers)
        case codec.Put(_, record, expect, lease_s, chosen):
            return Put(record, expect, lease_s, chosen)
        case codec.Find(_, target, peers):
            return Find(target, peers)
        case codec.GetAll(_, address, skip):
            return GetAll(address, skip)
    return None


def message_of(question: Question, number: int) -> codec.Request:
    """The same to be sent, as request `number`."""
    match question:
        case Get(address, peers):
            return codec.Get(number, address, peers)
        case Put(record, expect, lease_s, chosen):
            return codec.Put(number, record, expect, lease_s, chosen)
        case Find(target, peers):
            return codec.Find(number, target, peers)
        case GetAll(address, skip):
            return codec.GetAll(number, address, skip)


def reply_message(reply: Reply, number: int) -> codec.Reply:
    """Our answer to a peer's request `number`."""
    match reply:
        case Have(record, others, peers):
            return codec.Found(number, record, others, list(peers))
        case Nearest(peers):
            return codec.Closest(number, list(peers))
        case Kept(verdict, held, lease_s, peers):
            return codec.Stored(number, verdict, held, lease_s, list(peers))
        case HaveAll(records, total):
            return codec.FoundAll(number, list(records), total)


def reply_of(message: codec.Reply, who: str) -> Reply | RequestFailed | BadMessage:
    """A peer's answer; its ERROR, as the exception for who waits."""
    match message:
        case codec.Found(_, record, others, peers):
            return Have(record, others, tuple(peers))
        case codec.Closest(_, peers):
            return Nearest(tuple(peers))
        case codec.Stored(_, verdict, held, lease_s, peers):
            return Kept(verdict, held, lease_s, tuple(peers))
        case codec.FoundAll(_, records, total):
            return HaveAll(tuple(records), total)
        case codec.Error():
            return codec.failure(message, who)
    return BadMessage(type(message).__name__, "it answers none of our questions")
