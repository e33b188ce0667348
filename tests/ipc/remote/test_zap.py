"""Who may connect."""

from __future__ import annotations

from zmq.utils import z85

from ipc import Curve
from ipc.remote.zap import AllowList, decide


def ask(domain: bytes, key: str, mechanism: bytes = b"CURVE") -> list[bytes]:
    return [b"1.0", b"7", domain, b"127.0.0.1", b"", mechanism, z85.decode(key)]


def test_each_domain_has_a_list_of_its_own() -> None:
    a, b = Curve.generate().public, Curve.generate().public
    lists = {b"a": AllowList(frozenset({a})), b"b": AllowList(frozenset({b}))}
    assert decide(ask(b"a", a), lists) == [b"1.0", b"7", b"200", b"OK", a.encode(), b""]
    assert decide(ask(b"b", b), lists)[2] == b"200"
    for refused in (
        ask(b"a", b),
        ask(b"b", a),
        ask(b"c", a),
        ask(b"", a),
        ask(b"a", a, b"PLAIN"),
        ask(b"a", a, b"NULL"),
    ):
        assert decide(refused, lists)[2] == b"400"


def test_a_key_is_allowed_and_denied_while_it_runs() -> None:
    a, b = Curve.generate().public, Curve.generate().public
    allowed = AllowList(frozenset({a}))
    allowed.add(b)
    assert decide(ask(b"d", b), {b"d": allowed})[2] == b"200"
    allowed.remove(b)
    allowed.remove(b)
    assert decide(ask(b"d", b), {b"d": allowed})[2] == b"400"


def test_nonsense_is_answered_with_500() -> None:
    for request in ([], [b"2.0"], [b"1.0", b"7"], [b"9", *ask(b"a", Curve.generate().public)[1:]]):
        assert decide(request, {})[2] == b"500"
    short = ask(b"d", Curve.generate().public)
    short[6] = b"short"
    assert decide(short, {b"d": AllowList(frozenset())})[2] == b"400"
