from __future__ import annotations

from collections.abc import Callable

import pytest

from mdht.errors import Refusal
from mdht.session import binary
from mdht.session.handshake import Handshake
from mdht.session.handshake_states import TRANSITIONS, State, Step
from mdht.session.parties import HandshakeFailed

from .hands import Hands, answerer, dialler, events

FRAMES = {
    Step.PING: binary.Ping,
    Step.PONG: binary.Pong,
    Step.PROOF: binary.Proof,
    Step.ACCEPT: binary.Accept,
    Step.REFUSE: binary.Refuse,
}


@pytest.mark.parametrize("state", [state for state in State if state not in (State.CONNECTING, State.FAILED)])
@pytest.mark.parametrize("step", FRAMES)
def test_a_valid_frame_in_the_wrong_state(state: State, step: Step) -> None:
    if (state, step) in TRANSITIONS or state in (State.OPEN, State.WANTED):
        return  # allowed, or no frame of the handshake any more
    frames = {type(binary.parse_untrusted(frame)): frame for _, frame in Hands(dialler(), answerer()).run().frames}
    frames[binary.Refuse] = binary.pack(binary.Refuse("x"))
    ends: dict[State, Callable[[], Handshake]] = {
        State.PING_SENT: dialler,
        State.PING_AWAITED: answerer,
        State.PONG_SENT: lambda: Hands(dialler(), answerer(), lambda n, at, f: f if at == 1 else None).run().b,
        State.PROVEN: lambda: Hands(dialler(), answerer()).run(accept=False).b,
        State.ACCEPTED: lambda: Hands(dialler(), answerer(), lambda n, at, f: f if at <= 3 else None).run().b,
    }
    end = ends[state]()
    assert end.state is state
    end.frames_to_send()
    events(end)
    end.receive_untrusted(frames[FRAMES[step]], 0.0)
    assert end.state is State.FAILED
    (failed,) = events(end)
    assert isinstance(failed, HandshakeFailed) and failed.error.by_us and failed.error.reason == Refusal.MALFORMED
    assert bool(end.frames_to_send()) is (state is not State.ACCEPTED)


def test_every_state_but_the_last_two_can_fail() -> None:
    for state in State:
        leaves = {step for before, step in TRANSITIONS if before is state}
        assert (Step.REFUSING in leaves) is (state not in (State.OPEN, State.FAILED))
