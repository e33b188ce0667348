"""The search, on a machine that is a table."""

from mdht.tuning.gain import Gain
from mdht.tuning.moves import Move
from mdht.tuning.placed import SINGLE, Placed
from mdht.tuning.search import MOST_AGAIN, MOST_TRIES, MOST_WAYS, SECOND_TRIES, Look, Try, search

from .seen import observation

SEEN = observation({"links": ("inline", 0.5)})
A, B, C = (Placed.of({"store": place}) for place in ("thread", "process", "process:2"))
SPEED = {SINGLE: 100.0, A: 90.0, B: 150.0, C: 200.0}
NEXT = {SINGLE: [A, B], A: [], B: [SINGLE, C], C: [B, SINGLE]}


def neighbours(placed, _seen):
    return [Move(one, "to try") for one in NEXT[placed]]


def run(out_of_time=lambda: False, answer=None, start=SINGLE, near=neighbours):
    course, steps = search(start, near, out_of_time), []
    step = next(course)
    while True:
        steps.append(step)
        if isinstance(step, Look):
            said = SEEN
        else:
            ratio = SPEED.get(step.move.placed, 1.0) / SPEED[step.placed]
            said = answer(step) if answer else Gain(ratio, ratio * 0.99, ratio * 1.01, 6)
        try:
            step = course.send(said)
        except StopIteration as stop:
            return stop.value, steps


def test_it_climbs_to_the_best():
    found, steps = run()
    assert found.best == C and found.ended == "no move helped"
    assert [one.placed for one in steps if isinstance(one, Look)] == [SINGLE, B, C]


def test_a_pair_is_compared_once():
    _, steps = run()
    pairs = [frozenset((one.placed, one.move.placed)) for one in steps if isinstance(one, Try)]
    assert len(pairs) == len(set(pairs))


def test_noise_moves_nothing():
    found, steps = run(answer=lambda step: Gain(1.5, 0.8, 2.9, 10))
    assert found.best == SINGLE and {one.move.placed for one in found.tried} == {A, B, C}
    assert len(found.tried) == 3 and all(one.gain.undecided for one in found.tried)
    assert sum(isinstance(one, Try) and one.again for one in steps) == MOST_AGAIN * MOST_WAYS


def test_what_seems_to_help_is_measured_further():
    def answer(step):
        if step.move.placed != B:
            return Gain(0.9, 0.8, 0.95, 6)
        return Gain(1.08, 1.02, 1.1, 30) if step.again else Gain(1.08, 0.9, 1.3, 10)

    found, _ = run(answer=answer)
    assert found.best == B
    assert [one.gain.pairs for one in found.tried if one.move.placed == B and one.before == SINGLE] == [30]


def test_two_steps_at_once_where_one_alone_brings_nothing():
    """A process for the links brings nothing, two do: from where the search stands, one is only on the way."""
    speed = {A: Gain(0.9, 0.8, 0.95, 6), B: Gain(1.006, 0.99, 1.02, 6), C: Gain(1.11, 1.08, 1.14, 5)}
    found, steps = run(answer=lambda step: speed.get(step.move.placed, Gain(0.9, 0.8, 0.95, 6)))
    assert found.best == C
    assert [one.placed for one in steps if isinstance(one, Look)][:3] == [SINGLE, B, C]
    last = next(one for one in found.tried if one.move.placed == C)
    assert last.before == SINGLE and "with store=process" in last.move.why


def test_what_cannot_be_measured_is_passed_over():
    found, _ = run(answer=lambda step: "it did not start" if step.move.placed == B else Gain(0.9, 0.8, 0.95, 6))
    assert found.best == SINGLE
    assert [one.failed for one in found.tried] == ["", "it did not start"]


def test_time_ends_it():
    left = [False, True]
    found, _ = run(out_of_time=lambda: left.pop(0) if left else True)
    assert found.ended == "the time was up" and len(found.tried) == 1


def test_from_one_place_so_many_are_tried():
    many = [Placed.of({"store": f"process:{at}"}) for at in range(2, 30)]
    found, _ = run(near=lambda placed, seen: [Move(one, "") for one in many], answer=lambda step: Gain(1, 0.9, 1.01, 6))
    first = [one for one in found.tried if not one.move.why.startswith("with ")]
    assert len(first) == MOST_TRIES and len(found.tried) == MOST_TRIES + MOST_WAYS * SECOND_TRIES
