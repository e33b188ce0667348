"""A service's life: its hooks, its state, its errors, its end and its restart, over every legal placement."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ipc import (
    Broken,
    CallTimeout,
    Closed,
    IpcError,
    NotSendable,
    RemoteTraceback,
    Service,
    ServiceDied,
    ServiceError,
    Supervisor,
    TooManyRestarts,
    launch,
)

from .conftest import eventually, in_thread
from .services import (
    Counter,
    Echo,
    Fragile,
    Gate,
    Later,
    Life,
    Opened,
    OpenFails,
    Parameters,
    Raiser,
    Slow,
    StartFails,
    StockEmpty,
    Unmade,
    Unregistered,
    lines,
)


def passes_objects(placement: str) -> bool:
    """Whether commands and replies are passed as objects between a client and this place."""
    return not placement.startswith("process") and not placement.endswith(("pipe", "zmq"))


def another(placement: str) -> str:
    """A place in another process, or back in this one."""
    return "thread+queue" if placement.startswith("process") else "process+pipe"


# -- hooks -------------------------------------------------------------------------------------------------------------


def test_hooks_in_order_and_once(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    with launch(Life(str(path)), placement) as client:
        assert lines(path) == ["open", "start"]
        client.call(1)
        client.cast(2)
        client.call(3)
    assert lines(path) == ["open", "start", "call", "call", "call", "stop", "close"]


def test_stop_comes_before_the_last_close(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    with launch(Life(str(path)), placement) as client:
        client.call(1)
        client.move(another(placement))
        assert lines(path) == ["open", "start", "call", "close", "open"]
        client.call(2)
    assert lines(path) == ["open", "start", "call", "close", "open", "call", "stop", "close"]


def test_what_was_cast_before_the_end_of_a_tree_is_not_served_after_it(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    with launch(Life(str(path)), placement) as client:
        for number in range(50):
            client.cast(number)
    hooks = lines(path)
    assert hooks[:2] == ["open", "start"]
    assert hooks[-2:] == ["stop", "close"]
    assert set(hooks[2:-2]) <= {"call"}


def test_services_stop_in_reverse_order(placement: str, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("first", "second", "third")]
    order = tmp_path / "order"
    with Supervisor() as tree:
        for path in paths:
            os.symlink(order, path)
            tree.add(path.name, Life(str(path)), placement)
        assert tree.names() == ["first", "second", "third"]
        assert lines(order) == ["open", "start"] * 3
    assert lines(order) == ["open", "start"] * 3 + ["stop", "close"] * 3


def test_services_added_before_the_tree_is_entered(placement: str) -> None:
    tree = Supervisor()
    tree.add("early", Counter(), placement)
    with tree:
        assert tree.client("early").call(2) == 2


def test_removing_a_service(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    with Supervisor() as tree:
        tree.add("life", Life(str(path)), placement)
        client = tree.client("life")
        client.call(1)
        tree.remove("life")
        assert lines(path)[-2:] == ["stop", "close"]
        with pytest.raises(Closed, match="was removed"):
            client.call(2)
        tree.add("life", Life(str(path)), placement)
        assert tree.client("life").call(3) == 3


# -- state and parameters ----------------------------------------------------------------------------------------------


def test_what_open_assigned_first_is_not_state(placement: str) -> None:
    with launch(Opened(), placement) as client:
        assert client.call("handle") == "by open"
        assert client.call("rebind") == "lock"
        assert client.call("shared") == "by call"
        client.move(another(placement))
        assert client.call("handle") == "by open"
        assert client.call("shared") == "by open"
        assert client.call("begun") is True


def test_parameters(placement: str) -> None:
    with launch(Parameters("a", 2, b"c", key={"d": [4.5]}), placement) as client:
        assert client.call("given") == ["a", [2, b"c"], {"d": [4.5]}]


def test_parameters_by_name_only(placement: str) -> None:
    with launch(Parameters(first=None), placement) as client:
        assert client.call("given") == [None, [], None]


def test_parameters_that_cannot_be_sent() -> None:
    with pytest.raises(NotSendable, match="lock"):
        launch(Parameters(threading.Lock()), "process+pipe")


def test_restarted_from_the_same_parameters(placement: str) -> None:
    with launch(Parameters(1, key=[2]), placement) as client:
        assert client.call("spoil") == [1, [], [2], "spoilt"]
        with pytest.raises(ServiceDied):
            client.call("exit")
        assert client.call("given") == [1, [], [2]]
        assert client.stats().restarts == 1


# -- errors of a call --------------------------------------------------------------------------------------------------


def check_cause(error: BaseException, *texts: str) -> None:
    assert isinstance(error.__cause__, RemoteTraceback)
    for text in ("Traceback (most recent call last)", "in call", *texts):
        assert text in str(error.__cause__)


def test_a_builtin_error(placement: str) -> None:
    with launch(Raiser(), placement) as client:
        with pytest.raises(KeyError) as caught:
            client.call("builtin")
        assert caught.value.args == ("nobody",)
        check_cause(caught.value, "KeyError: 'nobody'")
        with pytest.raises(FileNotFoundError) as file:
            client.call("os")
        assert (file.value.errno, file.value.filename) == (2, "/nowhere")
        assert client.call("goes on") == "goes on"


def test_a_sendable_error(placement: str) -> None:
    with launch(Raiser(), placement) as client:
        with pytest.raises(StockEmpty, match="no bolts: 12 wanted") as caught:
            client.call("sendable")
        assert (caught.value.item, caught.value.wanted) == ("bolts", 12)
        check_cause(caught.value, "no bolts: 12 wanted")
        assert client.call("goes on") == "goes on"


def test_an_error_of_a_type_that_is_not_known_elsewhere(placement: str) -> None:
    with launch(Raiser(), placement) as client:
        expected: type[Exception] = Unregistered if passes_objects(placement) else ServiceError
        with pytest.raises(expected) as caught:
            client.call("unregistered")
        if isinstance(caught.value, ServiceError):
            assert caught.value.type_name.endswith("Unregistered")
            assert caught.value.message == "from afar"
        check_cause(caught.value, "Unregistered: from afar")
        assert client.call("goes on") == "goes on"


def test_an_error_is_free_of_the_frames_it_was_raised_in(placement: str) -> None:
    """Only the caller's own frames are in the traceback: the service's local variables are not kept alive by it."""
    with launch(Raiser(), placement) as client:
        try:
            client.call("builtin")
        except KeyError as error:
            trace = error.__traceback__
            names = []
            while trace is not None:
                names.append(trace.tb_frame.f_code.co_filename)
                trace = trace.tb_next
        assert not any(name.endswith("services.py") for name in names)


def test_an_error_that_cannot_be_sent_back_fails_its_own_caller(placement: str) -> None:
    with launch(Echo(), placement) as client:
        if passes_objects(placement):
            pytest.skip("objects are passed")
        with pytest.raises(NotSendable):
            client.call(threading.Lock())
        with pytest.raises(NotSendable):
            client.cast(threading.Lock())
        assert client.call(1) == 1


# -- start and stop ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("service", "expected"), [(StartFails, StockEmpty), (OpenFails, ConnectionRefusedError)])
def test_a_service_that_does_not_come_up(
    placement: str, service: type[Service], expected: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(expected):
        launch(service(), placement)


def test_a_failing_service_leaves_the_others(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("counter", Counter(), placement)
        with pytest.raises(StockEmpty):
            tree.add("unlucky", StartFails(), placement)
        assert tree.names() == ["counter"]
        assert tree.client("counter").call(1) == 1
        tree.add("unlucky", Counter(), placement)
        assert tree.client("unlucky").call(2) == 2


def test_a_start_that_fails_is_closed_again(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    with pytest.raises(RuntimeError, match="start failed"):
        launch(Life(str(path), "start"), placement)
    assert lines(path) == ["open", "start", "close"]


def test_an_open_that_fails_is_not_closed(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    with pytest.raises(RuntimeError, match="open failed"):
        launch(Life(str(path), "open"), placement)
    assert lines(path) == ["open"]


def test_a_constructor_that_fails_elsewhere() -> None:
    with pytest.raises(ValueError, match="made elsewhere"):
        launch(Unmade(os.getpid()), "process+pipe")


def test_the_first_failure_undoes_what_had_started(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    tree = Supervisor()
    tree.add("life", Life(str(path)), placement)
    tree.add("unlucky", StartFails(), placement)
    with pytest.raises(StockEmpty):
        tree.open()
    assert lines(path) == ["open", "start", "stop", "close"]


@pytest.mark.parametrize("hook", ["stop", "close"])
def test_an_error_at_the_end_is_not_fatal(
    placement: str, hook: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, other = tmp_path / "hooks", tmp_path / "other"
    with Supervisor() as tree:
        tree.add("other", Life(str(other)), placement)
        tree.add("life", Life(str(path), hook), placement)
        tree.client("life").call(1)
    assert lines(path) == ["open", "start", "call", "stop", "close"]
    assert lines(other) == ["open", "start", "stop", "close"]
    assert f"{hook} failed" in caplog.text


# -- ends and restarts -------------------------------------------------------------------------------------------------


def test_restart_on_error(placement: str) -> None:
    with launch(Fragile(), placement) as client:
        assert client.call(5) == 5
        with pytest.raises(ValueError, match="negative"):
            client.call(-1)
        assert client.call(1) == 1
        numbers = client.stats()
        assert (numbers.restarts, numbers.calls, numbers.errors) == (1, 3, 1)


def test_an_error_does_not_restart_by_default(placement: str) -> None:
    with launch(Echo(), placement) as client:
        for _ in range(20):
            with pytest.raises(ValueError):
                client.call("raise")
        assert client.stats().restarts == 0


def test_what_is_not_an_exception_ends_the_service(placement: str) -> None:
    with launch(Echo(), placement, name="echo") as client:
        with pytest.raises(ServiceDied, match="'echo' died") as caught:
            client.call("exit")
        assert caught.value.service == "echo"
        assert client.call("again") == "again"
        assert client.stats().restarts == 1


def test_state_begins_anew_after_a_restart(placement: str, tmp_path: Path) -> None:
    path = tmp_path / "hooks"
    with launch(Life(str(path), "call"), placement) as client:
        with pytest.raises(RuntimeError):
            client.call(1)
    assert lines(path) == ["open", "start", "call", "stop", "close"]


def test_what_was_queued_goes_to_the_successor(apart: str, gate: Gate) -> None:
    with launch(Echo(gate), apart) as client:
        blocked = client.future("gate")
        with gate.held():
            dying = client.future("exit")
            queued = [client.future(number) for number in range(20)]
        assert blocked.result(10.0) == "gate"
        assert isinstance(dying.exception(10.0), ServiceDied)
        assert [future.result(10.0) for future in queued] == list(range(20))


def test_open_tokens_die_with_the_service(placement: str) -> None:
    with launch(DiesLater(), placement) as client:
        future = client.future("wait")
        client.cast("exit")
        assert isinstance(future.exception(10.0), ServiceDied)
        assert client.call("count") == 0


class DiesLater(Later):
    """Keeps tokens, and ends when it is told to."""

    def call(self, command: Any) -> Any:
        if command == "exit":
            raise SystemExit(1)
        return super().call(command)


def test_no_restart(placement: str) -> None:
    with launch(Echo(), placement, restart=False) as client:
        assert client.call(1) == 1
        with pytest.raises(ServiceDied):
            client.call("exit")
        with pytest.raises(ServiceDied, match="not restarted"):
            while True:
                client.call(2, timeout=5.0)


def test_no_restart_leaves_the_others(placement: str) -> None:
    with Supervisor() as tree:
        tree.add("mortal", Echo(), placement, restart=False)
        tree.add("other", Counter(), placement)
        with pytest.raises(ServiceDied):
            tree.client("mortal").call("exit")
        assert tree.client("other").call(1) == 1


def test_too_many_restarts(placement: str) -> None:
    with launch(Echo(), placement, max_restarts=2) as client:
        errors: list[BaseException] = []
        while not errors or not isinstance(errors[-1], TooManyRestarts):
            with pytest.raises(IpcError) as caught:
                client.call("exit", timeout=10.0)
            errors.append(caught.value)
        assert [type(error) for error in errors[:-1]] in ([ServiceDied] * 2, [ServiceDied] * 3)
        with pytest.raises(TooManyRestarts, match="'echo' died more than 2 times"):
            client.call(1)
        with pytest.raises(TooManyRestarts):
            client.cast(1)
        with pytest.raises(TooManyRestarts):
            client.future(1)


def test_a_tree_that_gives_up_tells_who_waits_for_it(placement: str) -> None:
    with Supervisor(max_restarts=0) as tree:
        tree.add("echo", Echo(), placement)
        tree.add("later", Later(), placement)
        waiting, results = in_thread(lambda: tree.wait(20.0))
        caller, answers = in_thread(lambda: tree.client("later").call("wait", timeout=20.0))
        later = tree.client("later")
        assert eventually(lambda: later.call("count") == 1)
        with pytest.raises((ServiceDied, TooManyRestarts)):  # whichever is first
            tree.client("echo").call("exit")
        waiting.join(20.0)
        caller.join(20.0)
        assert type(results[0]) is TooManyRestarts
        assert type(answers[0]) is TooManyRestarts


def test_wait_returns_when_the_tree_is_closed() -> None:
    tree = Supervisor()
    tree.open()
    assert tree.wait(0.01) is False
    thread, results = in_thread(lambda: tree.wait(20.0))
    tree.close()
    thread.join(10.0)
    assert results == [True]


def test_a_slow_stop_does_not_hold_up_the_rest(apart: str, gate: Gate) -> None:
    """The call that still runs gets no answer; its caller gets `Closed` all the same."""
    tree = Supervisor()
    tree.open()
    tree.add("slow", Slow(gate), apart)
    client = tree.client("slow")
    future = client.future("gate")
    with gate.held():
        closing, _ = in_thread(lambda: tree.close(timeout=0.05))
        assert isinstance(future.exception(10.0), (Closed, Broken, ServiceDied))
    closing.join(20.0)
    assert not closing.is_alive()


# -- processes that end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", ["process+pipe", "process+zmq"])
def test_a_process_that_is_killed(placement: str) -> None:
    with launch(Later(), placement, name="later") as client:
        pid = client.stats().pids[0]
        futures = [client.future("wait") for _ in range(5)]
        assert eventually(lambda: client.call("count") == 5)
        os.kill(pid, 9)
        for future in futures:
            error = future.exception(5.0)
            assert isinstance(error, ServiceDied)
            assert error.exit_code == -9
            assert "signal 9" in str(error)
        assert client.call("count") == 0
        assert client.stats().restarts == 1
        assert client.stats().pids[0] != pid


def test_a_timeout_is_not_a_death(placement: str) -> None:
    with launch(Later(), placement) as client:
        with pytest.raises(CallTimeout):
            client.call("wait", timeout=0.01)
        assert client.stats().restarts == 0
