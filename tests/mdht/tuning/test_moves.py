"""What might help, by what held a node up."""

from mdht.tuning.moves import moves
from mdht.tuning.observed import Limit
from mdht.tuning.placed import SINGLE, Placed

from .seen import observation

INLINE = "inline"
LINKS = {"links": "process:2@links", "local": "process:2@links"}


def tried(placed, seen, *, store="memory", waits_for_disk=False):
    return [str(move.placed) for move in moves(placed, seen, store=store, waits_for_disk=waits_for_disk)]


def test_busy_links_get_a_process_and_then_several():
    seen = observation({"links": (INLINE, 0.7), "local": (INLINE, 0.15), "store": (INLINE, 0.1)})
    assert seen.limit(False) is Limit.SERVICE
    names = tried(SINGLE, seen)
    assert names[:2] == ["local,links=process:2@links", "local,links=process@links"]
    assert "store=process" in names  # it leaves them more room


def test_links_get_no_more_processes_than_there_are_cores():
    seen = observation(
        {"links": ("process:2@links", 1.8), "local": ("process:2@links", 0.1)},
        {("links", "local"): 0.95},
        cpus=2,
    )
    assert "local,links=process:3@links" not in tried(Placed.of(LINKS), seen)


def test_a_busy_store_is_taken_apart_step_by_step():
    seen = observation({"store": ("process", 0.95), "links": (INLINE, 0.2)}, {("links",): 0.2, ("store",): 0.95})
    assert tried(Placed.of({"store": "process"}), seen)[0] == "store=process:2"


def test_where_a_disk_is_waited_for_several_parts_come_first():
    seen = observation({"store": (INLINE, 0.05), "links": (INLINE, 0.1)}, machine=0.5)
    assert seen.limit(True) is Limit.DISK
    assert tried(SINGLE, seen, store="lmdb", waits_for_disk=True)[0] == "store=process:2"


def test_what_does_little_comes_back():
    seen = observation(
        {"store": ("process", 0.01), "links": (INLINE, 0.3)}, {("links",): 0.3, ("store",): 0.01}, machine=0.6
    )
    names = tried(Placed.of({"store": "process"}), seen)
    assert "single" in names


def test_nothing_illegal_and_nothing_twice():
    seen = observation({"peers": (INLINE, 0.6), "links": (INLINE, 0.3), "listener": (INLINE, 0.05)})
    found = moves(SINGLE, seen, store="memory", waits_for_disk=False)
    assert all(not move.placed.faults("memory") for move in found)
    assert len({move.placed for move in found}) == len(found)
    assert all("peers=process" not in str(move.placed) for move in found)


def test_another_channel_is_tried_last():
    seen = observation({"store": ("process", 0.9), "links": (INLINE, 0.2)}, {("links",): 0.2, ("store",): 0.9})
    assert tried(Placed.of({"store": "process"}), seen)[-1] == "store=process+zmq"
