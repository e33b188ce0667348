"""Placements: what is read, what is refused, and what is said then."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc import Placement, PlacementError, Service, Supervisor, launch
from ipc.placement import LEGAL, MAX_COUNT, all_pairs

from .conftest import PAIRS
from .services import Awaiting, Blocking, Counter, Sharded, Suspending

CHANNELS = sorted({channel for channels in LEGAL.values() for channel in channels})
ILLEGAL = [f"{spawner}+{channel}" for spawner in LEGAL for channel in CHANNELS if channel not in LEGAL[spawner]]


def test_the_table() -> None:
    assert {spawner: LEGAL[spawner] for spawner in ("inline", "coroutine", "thread", "process")} == {
        "inline": ("none", "deque", "queue"),
        "coroutine": ("deque", "queue", "zmq"),
        "thread": ("queue", "pipe", "zmq"),
        "process": ("pipe", "zmq"),
    }
    assert len(PAIRS) == 11
    assert all_pairs() == PAIRS
    assert len(ILLEGAL) == 4 * 5 - 11


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inline", Placement("inline", 1, None, "none")),
        ("coroutine", Placement("coroutine", 1, None, "deque")),
        ("thread", Placement("thread", 1, None, "queue")),
        ("process", Placement("process", 1, None, "pipe")),
        ("process+zmq", Placement("process", 1, None, "zmq")),
        ("thread:4", Placement("thread", 4, None, "queue")),
        ("process:4@links", Placement("process", 4, "links", "pipe")),
        ("process:4@links+zmq", Placement("process", 4, "links", "zmq")),
        ("thread@a.b-c_1", Placement("thread", 1, "a.b-c_1", "queue")),
        ("inline:1", Placement("inline", 1, None, "none")),
    ],
)
def test_reading(text: str, expected: Placement) -> None:
    assert Placement.parse(text) == expected
    assert Placement.parse(expected) is expected
    assert Placement.parse(str(expected)) == expected


@st.composite
def placements(draw: st.DrawFn) -> Placement:
    spawner = draw(st.sampled_from(["inline", "coroutine", "thread", "process"]))
    channel = draw(st.sampled_from(LEGAL[spawner]))
    count = draw(st.integers(1, MAX_COUNT))
    group = None
    if spawner in ("thread", "process"):
        group = draw(st.none() | st.from_regex(r"[A-Za-z0-9_.-]{1,64}", fullmatch=True))
    return Placement(spawner, count, group, channel)


@given(placements())
def test_there_and_back(placement: Placement) -> None:
    assert Placement.parse(str(placement)) == placement


@given(st.text(max_size=30) | st.from_regex(r"(inline|thread|process)(:[0-9]*)?(@[a-z]*)?(\+[a-z]*)?", fullmatch=True))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        placement = Placement.parse(text)
    except PlacementError as error:
        assert error.placement == text
        assert error.legal
        for legal in error.legal:
            Placement.parse(legal)
    else:
        assert placement.channel in LEGAL[placement.spawner]
        assert Placement.parse(str(placement)) == placement


@pytest.mark.parametrize("text", ILLEGAL)
def test_a_pair_that_is_illegal(text: str) -> None:
    spawner, _, channel = text.partition("+")
    legal = tuple(f"{spawner}+{one}" for one in LEGAL[spawner])
    for use in (Placement.parse, lambda text: launch(Counter(), text)):
        with pytest.raises(PlacementError) as caught:
            use(text)
        assert caught.value.legal == legal
        assert str(caught.value) == (
            f"placement {text!r}: {spawner} cannot be reached over {channel!r}; legal: {', '.join(legal)}"
        )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not of the form"),
        (" inline", "not of the form"),
        ("inline ", "not of the form"),
        ("inline\n", "not of the form"),
        ("Inline", "not of the form"),
        ("inline+", "not of the form"),
        ("thread:", "not of the form"),
        ("thread:-1", "not of the form"),
        ("thread:2:3", "not of the form"),
        ("thread@", "not of the form"),
        ("thread@a b", "not of the form"),
        ("thread+queue@g", "not of the form"),
        ("thread:9999999", "not of the form"),
        ("thread:٣", "not of the form"),
        ("thread@" + "g" * 65, "not of the form"),
        ("fiber", "no spawner 'fiber'"),
        ("fiber+queue", "no spawner 'fiber'"),
        ("thread+carrier_pigeon", "no channel 'carrier_pigeon'"),
        ("thread:0", "count must be 1 to 1024"),
        ("thread:1025", "count must be 1 to 1024"),
        ("inline@g", "has no hosts of its own to share"),
        ("coroutine:2@g", "has no hosts of its own to share"),
    ],
)
def test_bad_text(text: str, reason: str) -> None:
    with pytest.raises(PlacementError, match=reason) as caught:
        Placement.parse(text)
    assert caught.value.placement == text
    assert all(Placement.parse(legal) for legal in caught.value.legal)
    assert caught.value.legal
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [None, 3, b"inline", ["inline"]])
def test_no_text_at_all(value: Any) -> None:
    with pytest.raises(PlacementError, match="not of the form"):
        Placement.parse(value)


# -- what a class says of itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "legal"),
    [
        (Counter, PAIRS),
        (Suspending, [pair for pair in PAIRS if not pair.startswith("inline")]),
        (Awaiting, [pair for pair in PAIRS if not pair.startswith("inline")]),
        (Blocking, [pair for pair in PAIRS if pair.startswith(("thread", "process"))]),
    ],
)
def test_every_pair_is_started_or_refused(service: Callable[[], Service], legal: list[str]) -> None:
    for pair in PAIRS:
        if pair in legal:
            launch(service(), pair).close()
        else:
            with pytest.raises(PlacementError) as caught:
                launch(service(), pair)
            assert caught.value.legal == tuple(legal)


def test_a_class_inside_a_function() -> None:
    class Local(Service):
        def call(self, command: Any) -> Any:
            return command

    expected = tuple(pair for pair in PAIRS if not pair.startswith("process"))
    for place in ("process", "process+zmq", "process:1@g"):
        with pytest.raises(PlacementError, match="Local is defined inside a function") as caught:
            launch(Local(), place)
        assert caught.value.legal == expected
    with launch(Local(), "thread") as client:
        assert client.call(1) == 1


MAIN = """
from ipc import PlacementError, Service, launch

class Mine(Service):
    def call(self, command):
        return command

if __name__ == "__main__":
    try:
        with launch(Mine(), "process+pipe") as client:
            print("reached", client.call(5))
    except PlacementError as error:
        print(error)
    with launch(Mine(), "thread+queue") as client:
        print(client.call(6))
"""


@pytest.mark.parametrize("how", ["-c", "-"])
def test_a_main_without_a_file(how: str) -> None:
    arguments = [sys.executable, "-c", MAIN] if how == "-c" else [sys.executable, "-"]
    text = None if how == "-c" else MAIN
    done = subprocess.run(arguments, input=text, capture_output=True, text=True, timeout=30)
    assert "Mine is defined in a __main__ without a file, which another process cannot import" in done.stdout, done
    assert done.stdout.splitlines()[-1] == "6"
    assert done.returncode == 0


def test_a_main_with_a_file(tmp_path: Any) -> None:
    path = tmp_path / "program.py"
    path.write_text(MAIN)
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=30, env=environment)
    assert done.stdout.splitlines() == ["reached 5", "6"], done.stderr


# -- classes that contradict themselves --------------------------------------------------------------------------------


def make(**attributes: Any) -> Service:
    attributes.setdefault("call", lambda self, command: command)
    return type("Made", (Service,), attributes)()


async def _call(self: Any, command: Any) -> Any:
    return command


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        (type("Empty", (Service,), {})(), "does not define call"),
        (object(), "is not a Service"),
        (make(concurrency=0), "must be at least 1"),
        (make(concurrency=2), "plain calls run one at a time"),
        (make(suspends=True, call=_call), "suspends must stay False"),
        (make(blocking=True, suspends=True), "cannot both block its thread and suspend"),
        (make(blocking=True, call=_call), "cannot both block its thread and suspend"),
        (make(shard_key=lambda: 1), "must be a staticmethod"),
    ],
)
def test_a_class_that_contradicts_itself(service: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        launch(service, "thread")


def test_names_and_objects(tree: Supervisor) -> None:
    counter = Counter()
    tree.add("counter", counter)
    with pytest.raises(ValueError, match="is in the tree already"):
        tree.add("counter", Counter())
    with pytest.raises(ValueError, match="is placed already"):
        tree.add("again", counter)
    with pytest.raises(ValueError, match="needs a name"):
        tree.add("", Counter())


def test_counts_of_every_spawner() -> None:
    for spawner, count in itertools.product(("inline", "coroutine", "thread", "process"), (1, 2, 5)):
        with launch(Sharded(), f"{spawner}:{count}") as client:
            assert [reply[0] for reply in client.call_many([["a", 1], ["b", 1], ["a", 1]])] == [1, 1, 2]
