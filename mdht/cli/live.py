"""The checks of `doctor --live`: whether the running node works, with a verdict in time for whoever starts it anew."""

from __future__ import annotations

from typing import Final

from ..control import ProbeCall, Probed
from ..data_dir import holder_of
from ..errors import MdhtError, NoNode, TimedOut
from ..remote.results import converted
from .patient import Check, Patient, fail, ok

LIVE_S: Final = 8.0
"""Seconds for all of it where none are given: health checks of containers are given ten, of which starting takes one.
"""

_PROBE_PART: Final = 0.75
"""Of the seconds left, for the node's own probe: the rest is for its answer, which says what did not answer there."""


def running(patient: Patient) -> Check:
    """Whether a node runs there at all."""
    name = "running node"
    try:
        patient.holder = holder_of(patient.data_dir)
    except MdhtError as error:
        return fail(name, str(error), "give yourself access to it")
    if patient.holder is None:
        return fail(name, "none is running", f"start one with `mdht run --data-dir {patient.data_dir}`")
    return ok(name, f"process {patient.holder[0] or 'unknown'}")


def working(patient: Patient) -> Check | None:
    """Whether it does real work; which service does not answer."""
    name = "works"
    if patient.holder is None:
        return None
    try:
        plain = patient.ask(ProbeCall(max(0.1, _PROBE_PART * patient.left_s)))
    except NoNode:
        return fail(name, "it runs, and has no door", "run it with door = true, and wait until it is ready")
    except TimedOut as error:
        return fail(name, *patient.unanswered(error))
    except MdhtError as error:
        return fail(name, str(error), "look at its log")
    return verdict(name, converted(plain, Probed))


def verdict(name: str, done: Probed) -> Check:
    """What a probe has found."""
    if done.failures:
        text = "; ".join(f"{what}: {why}" for what, why in done.failures.items())
        return fail(
            name,
            text,
            "see `mdht place` and its log for that service: in a process it is started again by itself, elsewhere only "
            "with the node",
        )
    slowest = max((done.services or {"": 0.0}).items(), key=lambda one: one[1])
    return ok(
        name,
        f"put in {done.put_s * 1000:.1f} ms, got in {done.get_s * 1000:.1f} ms, {slowest[0]} answered last, in "
        f"{slowest[1] * 1000:.1f} ms; its loop is {done.lag_s * 1000:.0f} ms late",
    )


LIVE: Final = (running, working)
