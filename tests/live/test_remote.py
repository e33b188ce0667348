"""Services of a tree, reached over tcp with CURVE keys: commands, refusals, moves, hostile peers, and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket as sockets
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq

import ipc
from ipc import (
    Bounds,
    Broken,
    CallTimeout,
    Closed,
    Curve,
    Exposure,
    Full,
    Insecure,
    Interned,
    NotSendable,
    Refused,
    RemoteClient,
    RemoteTraceback,
    Service,
    ServiceDied,
    ServiceError,
    Supervisor,
    UnknownService,
    Unreachable,
    WouldDeadlock,
    aconnect,
    connect,
    launch,
)
from ipc.codec import dumps, loads
from ipc.remote import messages as m
from ipc.remote import options

from ..ipc.remote.services import Does, Late, Order, Point, Refusal, Sharded
from .footprint import Footprint, back_to, until
from .load import Load
from .services import AsyncEcho, Echo, Gate

SERVER, CLIENT, STRANGER = Curve.generate(), Curve.generate(), Curve.generate()
HERE = "tcp://127.0.0.1:*"
PLACEMENTS = ["inline", "coroutine", "thread", "process+pipe", "process+zmq"]


def reach(door: Exposure, **more: Any) -> RemoteClient:
    return connect(door.endpoint, door.name, curve=CLIENT, server_key=door.server_key, **more)


@contextmanager
def exposed(service: Service, placement: str = "inline", **more: Any) -> Iterator[tuple[Supervisor, Exposure]]:
    with Supervisor(max_restarts=100) as tree:
        tree.add("it", service, placement)
        yield tree, tree.expose("it", HERE, SERVER, [CLIENT.public], **more)


class Raw:
    """A peer that has the keys and keeps no rule: a bare DEALER, in a context of its own."""

    def __init__(self, door: Exposure, curve: Curve = CLIENT, **set_first: Any) -> None:
        self.context: zmq.Context[Any] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.setsockopt(zmq.RECONNECT_IVL, 86_400_000)
        self.socket.curve_publickey = curve.public.encode()
        self.socket.curve_secretkey = curve.secret.encode()
        self.socket.curve_serverkey = door.server_key.encode()
        for name, value in set_first.items():
            setattr(self.socket, name, value)
        self.socket.connect(door.endpoint)

    def send(self, *frames: bytes) -> None:
        self.socket.send_multipart(frames)

    def items(self, timeout_s: float = 5.0) -> list[Any]:
        """The items of the next frame; none where nothing comes."""
        if not self.socket.poll(round(timeout_s * 1000)):
            return []
        return list(loads(self.socket.recv()))

    def welcome(self, name: str = "it") -> Any:
        self.send(m.pack_hello(name))
        return self.items()[0]

    def goodbye(self) -> list[Any]:
        """Wait for the reason why it was sent away."""
        while items := self.items():
            for item in items:
                if item[0] == m.GOODBYE:
                    return list(item)
        raise AssertionError("no GOODBYE came")

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self.context.term()


def run(number: int, commands: list[Any], remaining_s: float = 30.0) -> bytes:
    body = dumps(commands)
    return m.pack_frame([m.pack_run(number, remaining_s, len(body), len(body)) + body])


def flood(raw: Raw, frames: int) -> None:
    """Casts, as fast as ZeroMQ takes them."""
    for _ in range(frames):
        try:
            raw.socket.send(run(0, [1]), zmq.NOBLOCK)
        except zmq.Again:
            continue


# -- commands ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_every_form_of_a_command(placement: str) -> None:
    with exposed(Order(), placement) as (_, door), reach(door) as client:
        assert client.call("a") == 1
        assert client.call_many(["b", "c"]) == [2, 3]
        client.cast("d")
        assert client.future("e").result(5.0) == 5
        futures = [client.future(number) for number in range(100)]
        assert [future.result(5.0) for future in futures] == list(range(6, 106))
        assert client.call_many(list(range(10_000))) == list(range(106, 10_106))
        for number in range(10_000):
            client.cast(number)

        async def awaited() -> None:
            assert await client.acall("f") == 20_106
            assert await client.acall_many(["g", "h"]) == [20_107, 20_108]

        asyncio.run(awaited())
        assert client.call(None) == [
            *"abcde", *range(100), *range(10_000), *range(10_000), *"fgh"
        ]  # fmt: skip


def test_a_coroutine_service_and_a_sharded_one() -> None:
    with exposed(AsyncEcho(), "coroutine") as (tree, door), reach(door) as client:
        assert client.call_many(list(range(1000))) == list(range(1000))
        tree.add("sharded", Sharded(), "process:2@g")
        many = tree.expose("sharded", HERE, SERVER, CLIENT.public)
        with reach(many) as client:
            commands: list[Any] = [{"number": number, "key": number * 7 % 5} for number in range(1000)]
            assert client.call_many(commands) == [[command["number"], command["key"]] for command in commands]
            for command in commands:
                client.cast(command)
            mixed = client.call_many([commands[3], {"no": "key"}, commands[4]], return_errors=True)
            assert mixed[0] == [3, 1]
            assert type(mixed[1]) is KeyError
            assert mixed[2] == [4, 3]


def test_values_of_all_kinds_and_big_ones() -> None:
    with exposed(Does(), "process+pipe") as (_, door), reach(door) as client:
        for value in (None, -1, 1 << 70, 1.5, "ü", (1, (2,)), {1, 2}, {"a": [b"b"]}, Point(1, 2), [Point(3, 4)]):
            assert client.call(value) == value
        assert client.call(["big", 20 << 20]) == b"x" * (20 << 20)
        assert client.call(b"y" * (10 << 20)) == b"y" * (10 << 20)
        values = [bytes([number]) * (1 << 20) for number in range(40)]
        assert client.call_many(values) == values


@pytest.mark.parametrize("placement", ["inline", "process+pipe"])
def test_errors_are_of_their_own_type_with_the_traceback(placement: str) -> None:
    with exposed(Does(), placement) as (_, door), reach(door) as client:
        with pytest.raises(Refusal) as refusal:
            client.call("refuse")
        assert refusal.value.args == ("no", 5)
        with pytest.raises(ValueError, match="invalid literal") as value:
            client.call("value")
        assert isinstance(value.value.__cause__, RemoteTraceback)
        assert "in call" in str(value.value.__cause__)
        with pytest.raises(ServiceError, match="Private: a secret"):
            client.call("private")
        for bad in ("object", "interned"):
            with pytest.raises(NotSendable):
                client.call(bad)
        results = client.call_many([1, "value", "object", 2], return_errors=True)
        assert [type(result) for result in results] == [int, ValueError, NotSendable, int]
        with pytest.raises(ValueError, match="invalid literal"):
            client.future("value").result(5.0)
        with pytest.raises(NotSendable, match="object"):
            client.call(object())
        for send in (client.call, client.cast, client.future):
            with pytest.raises(NotSendable, match=r"send its \.value"):
                send([Interned("remote.mine", [1])])
        deep: Any = []
        for _ in range(62):
            deep = [deep]
        with pytest.raises(NotSendable, match="deep"):
            client.call(deep)
        assert client.call(["deep", 40])
        assert client.call("ok") == "ok"


def test_bounds_block_or_fail(tmp_path: Path) -> None:
    begun, leave = tmp_path / "begun", tmp_path / "leave"
    with exposed(Gate(str(begun), str(leave)), "thread", bounds=Bounds(8, 1000)) as (_, door):
        with (
            reach(door) as client,
            reach(door, bounds=Bounds(4, 1 << 30, "fail")) as failing,
            reach(door, bounds=Bounds(9999, 9999)) as wide,
        ):
            first = client.future(0)
            until(begun.exists, 5.0, "the first call")
            futures = [client.future(number) for number in range(1, 8)]
            with pytest.raises(Full, match="stayed full"):
                client.cast(8, timeout=0.1)
            for number in range(4):
                failing.cast(number)
            with pytest.raises(Full, match="policy is to fail"):
                failing.cast(4)
            for number in range(8):
                wide.cast(number)
            with pytest.raises(Full, match="stayed full"):
                wide.call(1, timeout=0.1)
            with pytest.raises(Full, match="can never fit"):
                client.call(b"x" * 1001)
            with pytest.raises(Full, match="can never fit"):
                client.call(["x" * 500, "y" * 500])
            waiting = threading.Thread(target=lambda: client.call(9))
            waiting.start()
            leave.touch()
            waiting.join(5.0)
            assert not waiting.is_alive()
            assert [first.result(5.0), *[future.result(5.0) for future in futures]] == list(range(8))
            for number in range(1000):
                client.cast(number)
                failing.call(number)
            assert client.call_many(list(range(100))) == list(range(100))
            assert client.call("y" * 900) == "y" * 900
            assert door.stats().dropped == 0


def test_room_comes_back_on_an_event_loop_that_cannot_wait() -> None:
    async def main(door: Exposure) -> None:
        client = await aconnect(door.endpoint, "it", curve=CLIENT, server_key=SERVER.public)
        async with client:
            for _ in range(3):
                refused = False
                while not refused:
                    try:
                        client.cast(1)
                    except Full:
                        refused = True
                async with asyncio.timeout(5.0):
                    while client._sender.outstanding()[0]:
                        await asyncio.sleep(0.005)
            assert await client.acall(2) == 2

    with exposed(Echo(), "process+pipe", bounds=Bounds(50, 5000)) as (_, door):
        asyncio.run(main(door))
        assert door.stats().dropped == 0


def test_every_byte_of_the_bounds_comes_back() -> None:
    """What the caller counts a run for is what its exposure counts: nothing is left over after many runs."""
    with exposed(Echo(), "thread", bounds=Bounds(64, 4096)) as (_, door), reach(door) as client:
        for number in range(300):
            assert client.call((number,)) == (number,)
            assert client.call_many([number, (number,), b"x" * 300]) == [number, (number,), b"x" * 300]
            client.cast((number, "x"))
            client.cast(number)
        assert client.call("x" * 4090) == "x" * 4090
        assert door.stats().dropped == 0


def test_a_deadline_crosses_as_the_time_that_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc.remote.gateway.HEARTBEAT_S", 0.05)
    monkeypatch.setattr("ipc.remote.peer._LATE_S", 0.05)
    begun, leave = tmp_path / "begun", tmp_path / "leave"
    with exposed(Gate(str(begun), str(leave)), "thread") as (tree, door), reach(door) as client:
        first = client.future("first")
        until(begun.exists, 5.0, "the first call")
        with pytest.raises(CallTimeout, match=r"within 0\.1 s"):
            client.call("expires", timeout=0.1)
        with pytest.raises(CallTimeout):
            client.call_many(["expires", "too"], timeout=0.1)
        kept = client.future("kept", timeout=30.0)
        leave.touch()
        assert first.result(5.0) == "first"
        assert kept.result(5.0) == "kept"
        assert tree.stats()["it"].expired == 3
        port = next(iter(door._gateway.peers.values())).port
        assert port is not None
        until(lambda: not port.pending, 5.0, "runs that nobody waits for are forgotten")


# -- who may -----------------------------------------------------------------------------------------------------------


def test_nothing_is_exposed_or_reached_without_keys() -> None:
    with launch(Echo(), "thread", name="echo") as echo:
        with pytest.raises(Insecure, match="CURVE keys only"):
            echo.expose(HERE)
        with pytest.raises(Insecure, match="allow="):
            echo.expose(HERE, SERVER)
        with pytest.raises(Insecure, match="40 characters"):
            echo.expose(HERE, SERVER, ["x"])
        for endpoint in ("ipc:///tmp/never", "inproc://never", "udp://127.0.0.1:5", "tcp://"):
            with pytest.raises(Insecure, match="tcp://"):
                echo.expose(endpoint, SERVER, [CLIENT.public])
            with pytest.raises(Insecure, match="tcp://"):
                connect(endpoint, "echo", curve=CLIENT, server_key=SERVER.public)
        with pytest.raises(Insecure, match="curve="):
            connect("tcp://127.0.0.1:9", "echo", server_key=SERVER.public)
        with pytest.raises(Insecure, match="server_key"):
            connect("tcp://127.0.0.1:9", "echo", curve=CLIENT)
        with pytest.raises(UnknownService):
            echo._tree.expose("nobody", HERE, SERVER, [CLIENT.public])
        door = echo.expose(HERE, SERVER, [CLIENT.public])
        with pytest.raises(ipc.ChannelError, match="choose another port"):
            echo.expose(door.endpoint, SERVER, [CLIENT.public])
        with reach(door) as client:
            assert client.call(5) == 5


def test_refusals_say_why() -> None:
    with exposed(Echo(), max_peers=1) as (_, door):
        endpoint, key = door.endpoint, SERVER.public
        with pytest.raises(Refused, match="does not allow this key"):
            connect(endpoint, "it", curve=STRANGER, server_key=key)
        with pytest.raises(Refused, match="server_key is not the public key"):
            connect(endpoint, "it", curve=CLIENT, server_key=STRANGER.public)
        with pytest.raises(UnknownService, match="no service 'other'"):
            connect(endpoint, "other", curve=CLIENT, server_key=key)
        until(lambda: door.stats().refused == 2, 5.0, "both are counted")
        with reach(door) as client:
            with pytest.raises(Refused, match="1 callers are connected"):
                reach(door)
            assert client.call(1) == 1
            assert door.stats().peers == 1
        until(lambda: door.stats().peers == 0, 5.0, "it has left")
        with reach(door) as client:
            assert client.call(1) == 1
        with pytest.raises(WouldDeadlock, match="aconnect"):
            asyncio.run(_blocking_connect(door))


async def _blocking_connect(door: Exposure) -> None:
    reach(door)


def test_nobody_there_somebody_else_there_and_somebody_there_later() -> None:
    with sockets.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        endpoint = f"tcp://127.0.0.1:{port}"
        with pytest.raises(Unreachable, match="nobody listens there"):
            connect(endpoint, "it", curve=CLIENT, server_key=SERVER.public, timeout=0.2)
        free.listen()
        with pytest.raises(Unreachable, match="no CURVE handshake"):
            connect(endpoint, "it", curve=CLIENT, server_key=SERVER.public, timeout=0.2)
    with pytest.raises(Unreachable):
        connect("tcp://no.such.host.invalid:1", "it", curve=CLIENT, server_key=SERVER.public, timeout=0.2)
    found: list[RemoteClient] = []
    early = threading.Thread(
        target=lambda: found.append(connect(endpoint, "it", curve=CLIENT, server_key=SERVER.public))
    )
    early.start()
    with Supervisor() as tree:
        tree.add("it", Echo())
        tree.expose("it", endpoint, SERVER, [CLIENT.public])
        early.join(5.0)
        (client,) = found
        with client:
            assert client.call("early") == "early"


def test_keys_are_allowed_and_denied_while_it_runs() -> None:
    with exposed(Echo(), "thread") as (_, door), reach(door) as client:
        door.allow(STRANGER.public)
        with connect(door.endpoint, "it", curve=STRANGER, server_key=SERVER.public) as other:
            assert other.call(1) == 1
            door.deny(STRANGER.public)
            until(lambda: not other.connected or _broken(other), 5.0, "it was sent away")
            with pytest.raises(Broken, match="not allowed any more"):
                other.call(1)
            with pytest.raises(Refused, match="does not allow"):
                connect(door.endpoint, "it", curve=STRANGER, server_key=SERVER.public)
        assert client.call(2) == 2
        assert door.stats().dropped == 0
        with pytest.raises(Insecure):
            door.allow("nonsense")


def _broken(client: RemoteClient) -> bool:
    try:
        client.call(1)
    except (Broken, ServiceDied):
        return True
    return False


# -- moves -------------------------------------------------------------------------------------------------------------


def test_a_service_moves_under_load_and_nobody_notices() -> None:
    with exposed(Order(), "inline") as (tree, door), reach(door) as client, reach(door) as caster:
        casts = 0
        with Load(client, 3, lambda thread, number: f"{thread} {number}") as load:  # type: ignore[arg-type]
            for placement in (
                "process+pipe",
                "thread",
                "process+zmq",
                "inline",
                "thread+zmq",
                "coroutine",
                "process+pipe",
            ):
                tree.move("it", placement)
                for _ in range(500):
                    caster.cast(casts)
                    casts += 1
        assert [call.error for call in load.all() if call.error is not None] == []
        caster.call("last")
        seen = client.call(None, timeout=20.0)
        assert [entry for entry in seen if type(entry) is int] == list(range(casts))
        for thread in range(3):
            mine = [entry for entry in seen if type(entry) is str and entry.startswith(f"{thread} ")]
            assert mine == [f"{thread} {number}" for number in range(1, len(load.calls[thread]) + 1)]
        assert door.stats().dropped == door.stats().bad_frames == door.stats().lost == 0


def test_what_was_cast_before_close_arrives() -> None:
    with exposed(Order(), "process+pipe") as (tree, door):
        for number in range(20):
            with reach(door) as client:
                for index in range(200):
                    client.cast(number * 200 + index)
        with tree.client("it") as near:
            assert until(lambda: len(near.call(None)) == 4000 and near.call(None), 5.0, "all of it") == list(
                range(4000)
            )
        until(lambda: not tree.tree.ports["it"], 5.0, "the callers' ports are given back")


# -- hostile peers -----------------------------------------------------------------------------------------------------

HELLO = m.pack_hello("it")
NOT_HELLO = {
    "nothing": [b""],
    "noise": [os.urandom(100)],
    "no item": [b"\x90"],
    "a number": [b"\x05"],
    "a run first": [run(1, [1])],
    "a hello of two frames": [HELLO, HELLO],
    "two hellos in one": [dumps([[0, "ipc", 1, "it"], [0, "ipc", 1, "it"]])],
    "another version": [dumps([[0, "ipc", 99, "it"]])],
    "a name without end": [dumps([[0, "ipc", 1, "x" * 10_000]])],
    "deep": [b"\x91" * 100_000 + b"\x90"],
}
NOT_A_FRAME = {
    "nothing": [b""],
    "noise": [b"\xc1" + os.urandom(100)],
    "two frames": [run(1, [1]), run(2, [1])],
    "hello again": [HELLO],
    "an item of the other side": [dumps([[m.REPLY, 1, 0, b"\x91\x01"]])],
    "no kind": [dumps([["x"]])],
    "kind 255": [dumps([[255]])],
    "no commands": [run(1, [])],
    "commands that are none": [m.pack_frame([m.pack_run(1, 1.0, 1, 1) + b"\x05"])],
    "commands cut short": [m.pack_frame([m.pack_run(1, 1.0, 2, 2) + b"\x92\x01"])],
    "commands and more": [m.pack_frame([m.pack_run(1, 1.0, 3, 3) + b"\x91\x01\x01"])],
    "fewer bytes than there are": [m.pack_frame([m.pack_run(1, 1.0, 1, 9) + dumps([b"abcdef"])])],
    "announced, not there": [m.pack_frame([m.pack_run(1, 1.0, 5, 5) + b"\xdd\xff\xff\xff\xff"])],
    "a body longer than the frame": [m.pack_frame([m.pack_run(1, 1.0, 1 << 30, 1 << 30)])],
    "an interned value": [run(1, [Interned("remote.hostile", [1])])],
    "a hidden interned value": [run(1, [ValueError((Interned("remote.hostile", [1]),))])],
    "an unknown extension": [m.pack_frame([m.pack_run(1, 1.0, 4, 4) + b"\x91\xd4\x63\x00"])],
    "too deep": [m.pack_frame([m.pack_run(1, 1.0, 200, 200) + b"\x91" * 199 + b"\x90"])],
    "not a number": [m.pack_frame([m.pack_run(1, float("nan"), 2, 2) + b"\x91\x01"])],
    "a map": [dumps({"a": 1})],
    "bad text": [b"\x91\x92\x01\xa2\xff\xff"],
}


def test_garbage_ends_its_sender_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc.remote.gateway.FAREWELL_S", 0.02)
    with exposed(Order(), "thread") as (tree, door), reach(door) as client:
        assert client.call("a") == 1
        bad = 0
        for case, frames in NOT_HELLO.items():
            with Raw(door) as raw:
                raw.send(*frames)
                assert raw.goodbye()[1] in (m.Code.BROKEN_RULE, m.Code.VERSION), case
                bad += 1
                until(lambda: door.stats().connections == 1, 5.0, f"cut off: {case}")
            assert door.stats().dropped == bad, case
        for case, frames in NOT_A_FRAME.items():
            with Raw(door) as raw:
                assert raw.welcome()[0] == m.WELCOME
                raw.send(*frames)
                raw.send(*frames)
                assert raw.goodbye()[1] == m.Code.BROKEN_RULE, case
                bad += 1
                until(lambda: door.stats().connections == 1, 5.0, f"cut off: {case}")
            assert door.stats().dropped == bad, case
        assert door.stats().bad_frames == bad - 1, "all but that of another version"
        assert client.call("b") == 2
        with Raw(door, routing_id=b"chosen") as raw:
            raw.send(HELLO)
            assert "routing id" in raw.goodbye()[2]
        with Raw(door) as raw:
            raw.welcome()
            raw.send(b"x" * (18 << 20) + b"more than any frame may have" * 100_000)
            until(lambda: door.stats().connections == 1, 5.0, "cut off by ZeroMQ")
        with pytest.raises(KeyError):
            Interned.get("remote.hostile.never")
        until(lambda: len(tree.tree.ports["it"]) == 1, 5.0, "their ports are given back")
        assert client.call(None) == ["a", "b"]


def test_a_value_of_an_unknown_type_fails_its_command_only() -> None:
    with exposed(Order(), "thread") as (_, door), Raw(door) as raw:
        raw.welcome()
        unknown = b"\xc7\x06\x0c\x91" + dumps("nope")
        body = b"\x93\x01" + unknown + b"\x02"
        raw.send(m.pack_frame([m.pack_run(7, 30.0, len(body), len(body)) + body]))
        answers: dict[int, Any] = {}
        while len(answers) < 3:
            for item in raw.items():
                if item[0] == m.REPLY:
                    answers.update(enumerate(loads(item[3]), item[2]))
                elif item[0] == m.FAIL:
                    answers[item[2]] = m.read_fail(item)[2]
        assert type(answers.pop(1)) is NotSendable
        assert answers == {0: 1, 2: 2}


@pytest.mark.parametrize("what", ["commands", "bytes", "many frames"])
def test_who_ignores_its_credits_is_sent_away(what: str, tmp_path: Path) -> None:
    begun, leave = tmp_path / "begun", tmp_path / "leave"
    with exposed(Gate(str(begun), str(leave)), "thread", bounds=Bounds(100, 10_000)) as (tree, door):
        with Raw(door) as raw:
            assert raw.welcome() == [m.WELCOME, 1, 100, 10_000]
            match what:
                case "commands":
                    raw.send(run(0, [1] * 101))
                case "bytes":
                    raw.send(run(0, [b"x" * 10_000]))
                case "many frames":
                    flood(raw, 20_000)
            assert "credits" in raw.goodbye()[2]
            until(lambda: door.stats().connections == 0, 5.0, "cut off")
        assert (door.stats().dropped, door.stats().bad_frames) == (1, 0)
        leave.touch()
        until(lambda: tree.stats()["it"].queued == 0, 5.0, "what it had credits for is served")
        until(lambda: not tree.tree.ports["it"], 5.0, "its port is given back")
        with reach(door) as client:
            assert client.call(1) == 1


def test_who_does_not_read_is_held_and_then_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc.remote.peer.STALL_TIMEOUT_S", 0.3)
    with exposed(Does(), "thread", bounds=Bounds(150, 1 << 20)) as (_, door), reach(door) as client:
        with Raw(door, rcvhwm=1, rcvbuf=4096) as raw:
            raw.welcome()
            raw.send(run(1, [["big", 1 << 20]] * 150))
            until(lambda: door._gateway.blocked, 5.0, "ZeroMQ takes no more")
            assert client.call(1) == 1
            until(lambda: door.stats().dropped == 1, 5.0, "it was sent away")
            assert client.call(2) == 2
        until(lambda: door.stats().connections == 1, 5.0, "cut off")
        assert not door._gateway.blocked


def test_who_reads_slowly_gets_everything() -> None:
    with exposed(Does(), "thread", bounds=Bounds(150, 1 << 20)) as (_, door), Raw(door, rcvhwm=1, rcvbuf=4096) as raw:
        raw.welcome()
        raw.send(run(1, [["big", 1 << 20]] * 150))
        until(lambda: door._gateway.blocked, 5.0, "ZeroMQ takes no more")
        count = 0
        while count < 150:
            for item in raw.items():
                if item[0] == m.REPLY:
                    assert item[2] == count
                    count += len(loads(item[3]))
        assert door.stats().dropped == 0


def test_calls_that_are_never_answered_are_bounded() -> None:
    with exposed(Late(), "inline", bounds=Bounds(10, 10_000)) as (_, door), reach(door) as client:
        futures = [client.future(number) for number in range(10)]
        for _ in range(10):
            until(lambda: client._sender.outstanding()[0] == 0 or client.call_many([], 1.0), 5.0, "served")
            futures += [client.future(number) for number in range(5)]
        refused = [future for future in futures if future.done()]
        assert 15 <= len(refused) <= 20
        with pytest.raises(Full, match="wait for service"):
            refused[0].result()
        with pytest.raises(Full):
            client.call("answer")


def test_a_connection_that_proves_nothing_is_no_burden(monkeypatch: pytest.MonkeyPatch) -> None:
    with exposed(Echo(), "thread", max_peers=2) as (_, door):
        host, port = door.endpoint.removeprefix("tcp://").split(":")
        silent = [sockets.create_connection((host, int(port))) for _ in range(20)]
        try:
            until(lambda: door.stats().refused >= 16, 5.0, "those too many are cut")
            for connection in silent[:4]:
                connection.close()
            until(lambda: door.stats().connections == 0, 5.0, "the others have left")
            with reach(door) as client:
                assert client.call(1) == 1
        finally:
            for connection in silent:
                connection.close()


# -- ends --------------------------------------------------------------------------------------------------------------


@contextmanager
def other_process(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`tests.ipc.remote.services` as a program, and the first line that it printed."""
    command = [sys.executable, "-m", "tests.ipc.remote.services", *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats of a fraction of a second, in this process."""
    monkeypatch.setattr(options, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(options, "HEARTBEAT_TIMEOUT_S", 0.4)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_server_that_vanishes(how: signal.Signals, quick: None) -> None:
    with other_process("expose", SERVER.public, SERVER.secret, CLIENT.public) as (process, endpoint):
        client = connect(endpoint, "does", curve=CLIENT, server_key=SERVER.public)
        future = client.future("never")
        errors: list[BaseException] = []

        def wait(number: int) -> None:
            try:
                client.call(number)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=wait, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: client._sender.sent == 4 and not client._sender.out, 5.0, "all have left")
        began = time.monotonic()
        process.send_signal(how)
        with pytest.raises(ServiceDied, match="the command may have run"):
            future.result(5.0)
        for thread in threads:
            thread.join(5.0)
        assert time.monotonic() - began < 3.0
        assert [type(error) for error in errors] == [ServiceDied] * 3
        for send in (client.call, client.cast, client.future):
            with pytest.raises(Broken, match="connect again"):
                send(1)
        assert not client.connected
        client.close()
        client.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_caller_that_vanishes_is_forgotten(how: signal.Signals, quick: None) -> None:
    with Supervisor() as tree:
        tree.add("order", Order(), "process+pipe")
        door = tree.expose("order", HERE, SERVER, [CLIENT.public])
        with other_process("connect", door.endpoint, CLIENT.public, CLIENT.secret, SERVER.public) as (process, said):
            assert said == "1"
            assert door.stats().peers == door.stats().connections == 1
            process.send_signal(how)
            until(lambda: door.stats().peers == door.stats().connections == 0, 5.0, "it is forgotten")
            until(lambda: not tree.tree.ports["order"], 5.0, "its port, too")
            assert not door._gateway.by_fd and not door._gateway.retiring


@pytest.mark.parametrize("close", ["exposure", "tree", "service"])
def test_a_server_that_closes_tells_at_once(close: str) -> None:
    with exposed(Late(), "thread") as (tree, door), reach(door) as client, reach(door) as idle:
        futures = [client.future(number) for number in range(10)]
        until(lambda: tree.stats()["it"].calls == 10, 5.0, "served, not answered")
        match close:
            case "exposure":
                door.close()
                assert door.closed
                door.close()
            case "tree":
                tree.close()
            case "service":
                tree.remove("it")
        for future in futures:
            with pytest.raises((ServiceDied, Closed)):
                future.result(2.0)
        for one in (client, idle):
            until(lambda one=one: _broken(one), 3.0, "later calls raise")  # type: ignore[misc]
            with pytest.raises(Broken, match="connect again"):
                one.call(1)


def test_a_service_that_dies_and_comes_again() -> None:
    with exposed(Does(), "process+pipe") as (_, door), reach(door) as client:
        for _ in range(3):
            pid = client.call("pid")
            with pytest.raises(ServiceDied, match="exit code 7") as died:
                client.call("die")
            assert died.value.exit_code == 7

            def again(dead: int = pid) -> bool:
                try:
                    return bool(client.call("pid") != dead)
                except ServiceDied:
                    return False

            until(again, 5.0, "it serves again")
        assert client.call_many([1, 2]) == [1, 2]


def test_a_client_that_is_closed_wakes_who_waits() -> None:
    with exposed(Late(), "thread") as (tree, door):
        client = reach(door)
        future = client.future(1)
        errors: list[BaseException] = []

        def wait() -> None:
            try:
                client.call(2)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: tree.stats()["it"].calls == 2, 5.0, "both wait")
        client.close()
        thread.join(5.0)
        assert [type(error) for error in errors] == [Closed]
        with pytest.raises(Closed):
            future.result(1.0)
        with pytest.raises(Closed):
            client.call(3)


# -- many, and nothing left --------------------------------------------------------------------------------------------


def test_twenty_callers() -> None:
    keys = [Curve.generate() for _ in range(20)]
    with Supervisor() as tree:
        tree.add("order", Order(), "process+pipe")
        door = tree.expose("order", HERE, SERVER, [key.public for key in keys])
        clients = [connect(door.endpoint, "order", curve=key, server_key=SERVER.public) for key in keys]
        assert door.stats().peers == 20
        wrong: list[Any] = []

        def work(number: int) -> None:
            client = clients[number]
            for index in range(100):
                client.cast([number, index])
            results = client.call_many([[number, index] for index in range(100, 200)])
            if results != sorted(results) or len(results) != 100:
                wrong.append(results)
            client.call([number, 200])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20.0)
        assert wrong == []
        seen = clients[0].call(None)
        for number in range(20):
            assert [index for who, index in seen if who == number] == list(range(201))
        for client in clients:
            client.close()
        until(lambda: door.stats().peers == 0, 5.0, "all have left")


def test_opening_and_closing_leaves_nothing(before: Footprint) -> None:
    with exposed(Echo(), "thread") as (tree, door):
        with reach(door) as client:
            client.call(1)
        until(lambda: not tree.tree.ports["it"], 5.0, "its port is given back")
        held = Footprint.take()
        for _ in range(20):
            with reach(door) as client:
                client.call(1)
            with pytest.raises(Refused):
                connect(door.endpoint, "it", curve=STRANGER, server_key=SERVER.public)
            other = tree.expose("it", HERE, SERVER, [CLIENT.public])
            with reach(other) as client:
                client.call(1)
            other.close()
        back_to(held)
    back_to(before)


def test_two_trees_share_the_desk(before: Footprint) -> None:
    """The first tree's loop answers for both; when it has gone, the second's does."""

    async def main() -> None:
        second = Supervisor()

        def inner() -> None:
            with second:
                second.add("it", Echo())
                doors.append(second.expose("it", HERE, SERVER, [STRANGER.public]))
                ready.set()
                leave.wait(20.0)

        async with Supervisor() as first:
            await first.aadd("it", AsyncEcho(), "coroutine")
            door = await first.aexpose("it", HERE, SERVER, [CLIENT.public])
            doors: list[Exposure] = []
            ready, leave = threading.Event(), threading.Event()
            thread = threading.Thread(target=inner)
            thread.start()
            try:
                await asyncio.to_thread(ready.wait, 10.0)
                (other,) = doors
                async with await aconnect(door.endpoint, "it", curve=CLIENT, server_key=SERVER.public) as client:
                    assert await client.acall(1) == 1
                    assert await client.acall_many([2, 3]) == [2, 3]
                for wrong, key in ((door, STRANGER), (other, CLIENT)):
                    with pytest.raises(Refused):
                        await aconnect(wrong.endpoint, "it", curve=key, server_key=SERVER.public)
                async with await aconnect(other.endpoint, "it", curve=STRANGER, server_key=SERVER.public) as client:
                    assert await client.acall(4) == 4
                    await door.aclose()
                    async with await aconnect(other.endpoint, "it", curve=STRANGER, server_key=SERVER.public) as again:
                        assert await again.acall(5) == 5
                    with pytest.raises(Refused):
                        await aconnect(other.endpoint, "it", curve=CLIENT, server_key=SERVER.public)
            finally:
                leave.set()
                await asyncio.to_thread(thread.join, 10.0)

    asyncio.run(main())
    back_to(before)


def test_connecting_can_be_given_up(before: Footprint) -> None:
    async def main() -> None:
        with sockets.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            endpoint = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
            task = asyncio.create_task(aconnect(endpoint, "it", curve=CLIENT, server_key=SERVER.public))
            peer, _ = await asyncio.to_thread(deaf.accept)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            peer.close()

    asyncio.run(main())
    back_to(before)


def test_virtual_time_has_no_sockets() -> None:
    from ipc.loops.virtual import VirtualLoop

    async def main() -> None:
        async with Supervisor() as tree:
            await tree.aadd("it", Echo(), "inline")
            with pytest.raises(ipc.IpcError, match="virtual time"):
                await tree.aexpose("it", HERE, SERVER, [CLIENT.public])

    loop = VirtualLoop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def test_a_length_of_no_frame() -> None:
    """A message head that announces more than any frame may have, after a valid handshake of nobody: ZeroMQ cuts it."""
    with exposed(Echo(), "thread") as (_, door):
        host, port = door.endpoint.removeprefix("tcp://").split(":")
        with sockets.create_connection((host, int(port))) as raw:
            raw.sendall(
                b"\xff" + struct.pack(">Q", 1) + b"\x7f\x03\x00" + b"CURVE".ljust(20, b"\0") + b"\x01" + b"\0" * 31
            )
            raw.sendall(b"\x06" + struct.pack(">Q", 1 << 62) + b"x" * 100)
            raw.settimeout(6.0)
            while raw.recv(4096):
                continue
        until(lambda: door.stats().connections == 0, 5.0, "cut off")
