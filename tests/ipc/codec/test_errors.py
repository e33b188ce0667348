"""Exceptions as values inside commands."""

from __future__ import annotations

import builtins
import threading
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc import errors
from ipc.codec import dumps, find_unknown, height, loads, loads_marked
from ipc.errors import BadFrame, CallTimeout, NotSendable, RemoteTraceback, ServiceError
from ipc.interned import Interned
from ipc.limits import NEST_DEPTH
from ipc.sendable import BY_NAME, sendable
from ipc.service import Answer

from .samples import Leaf, same, values


@sendable("test.codec.full")
class StoreFullError(Exception):
    pass


class OwnError(Exception):
    pass


def roundtrip(exc: BaseException) -> BaseException:
    result = loads(dumps(Answer(1, error=exc))).error
    assert isinstance(result, BaseException)
    return result


builtin_errors = st.sampled_from([ValueError, KeyError, RuntimeError, LookupError, TypeError, StopIteration])
arguments = values.filter(lambda value: repr(loads(dumps(value))) == repr(value))


@settings(deadline=None)
@given(builtin_errors, st.lists(arguments, max_size=3))
def test_a_built_in_exception_comes_back(kind: type[Exception], args: list[Any]) -> None:
    exc = kind(*args)
    result = roundtrip(exc)
    assert type(result) is kind
    assert str(result) == str(exc)
    assert same(result.args, exc.args)
    assert isinstance(result.__cause__, RemoteTraceback)


errors_in_errors = st.recursive(
    st.builds(lambda kind, args: kind(*args), builtin_errors, st.lists(st.integers() | st.text(), max_size=2)),
    lambda inner: st.builds(lambda kind, args: kind(*args), builtin_errors, st.lists(inner, min_size=1, max_size=2)),
    max_leaves=5,
)


@settings(deadline=None)
@given(errors_in_errors)
def test_errors_inside_errors(exc: Exception) -> None:
    assert repr(roundtrip(exc)) == repr(exc)
    assert height(loads(dumps([exc]))) == height([exc])


@settings(deadline=None)
@given(st.integers(1, NEST_DEPTH), st.integers(0, NEST_DEPTH))
def test_whatever_the_depth_what_is_packed_can_be_unpacked(outside: int, inside: int) -> None:
    value: Any = 1
    for _ in range(inside):
        value = [value]
    value = ValueError(value)
    for _ in range(outside):
        value = [value]
    if outside >= NEST_DEPTH:
        with pytest.raises(NotSendable, match="nested deeper"):
            dumps(value)
        return
    result = loads(dumps(value))
    for _ in range(outside):
        (result,) = result
    assert type(result) is (ValueError if outside + inside < NEST_DEPTH else ServiceError)
    assert ("[" * inside) in str(result)


def test_the_fields_of_an_answer() -> None:
    answer = loads(dumps(Answer(("tag", 1), error=CallTimeout("store", 1.5))))
    assert answer.tag == ("tag", 1)
    with pytest.raises(CallTimeout, match=r"'store' did not answer within 1\.5 s") as caught:
        answer.result()
    assert caught.value.timeout_s == 1.5


def test_every_exception_of_both_tables() -> None:
    for module in (builtins, errors):
        for cls in vars(module).values():
            if not isinstance(cls, type) or not issubclass(cls, Exception) or issubclass(cls, BaseExceptionGroup):
                continue
            try:
                exc = cls("text")
            except TypeError:
                continue
            assert type(roundtrip(exc)) is cls


@pytest.mark.parametrize(
    ("exc", "text"),
    [
        (OwnError("x"), f"{__name__}.OwnError: x"),
        (ValueError(object), "ValueError: <class 'object'>"),
        (KeyboardInterrupt("k"), "KeyboardInterrupt: k"),
        (ExceptionGroup("g", [ValueError("x")]), "ExceptionGroup: g (1 sub-exception)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_rest_is_a_service_error(exc: BaseException, text: str) -> None:
    result = roundtrip(exc)
    assert type(result) is ServiceError
    assert str(result) == text
    assert type(exc).__name__ in str(result.__cause__)


def test_a_registered_exception_has_its_own_form() -> None:
    exc = StoreFullError(1)
    exc.__dict__["used"] = 5
    result = loads(dumps([exc]))[0]
    assert type(result) is StoreFullError
    assert vars(result) == {"used": 5}
    assert result.__cause__ is None


def test_a_class_registered_after_it_was_sent() -> None:
    class LateError(Exception):
        pass

    assert type(roundtrip(LateError("x"))) is ServiceError
    sendable("test.codec.late")(LateError)
    assert type(roundtrip(LateError("x"))) is LateError


def test_an_unknown_type_inside_costs_the_type_of_the_error_only() -> None:
    data = dumps([ValueError(StoreFullError(1)), Leaf(1, "a"), ValueError([Leaf(2, "b")])])
    full = BY_NAME.pop("test.codec.full")
    try:
        first = loads(data)[0]
        assert loads_marked(data)[1] == frozenset()
        leaf = BY_NAME.pop("test.codec.leaf")
        try:
            value, unknown = loads_marked(data)
        finally:
            BY_NAME["test.codec.leaf"] = leaf
    finally:
        BY_NAME["test.codec.full"] = full
    assert str(first) == "ValueError: 1"
    assert unknown == {"test.codec.leaf"}
    assert find_unknown(value) == "test.codec.leaf"
    assert [type(value[0]), type(value[2])] == [ServiceError, ServiceError]


def test_an_interned_value_inside_is_packed_in_full() -> None:
    handles: list[Interned] = []
    handle = Interned("inside an error", [1])
    data = dumps([ValueError(handle)], handles)
    assert not handles
    assert loads(data)[0].args == (handle,)


def test_an_error_that_contains_itself() -> None:
    exc = ValueError("x", 1)
    exc.args = (exc, exc)
    assert isinstance(roundtrip(exc), ServiceError)
    silent = SyntaxError("quiet")
    silent.args = ("quiet", silent, silent)
    assert str(roundtrip(silent)) in ("quiet", "SyntaxError: quiet")


def test_the_path_leads_past_an_error() -> None:
    with pytest.raises(NotSendable) as caught:
        dumps([ValueError(object()), object()])
    assert caught.value.path == "list[1]"


# -- garbage -----------------------------------------------------------------------------------------------------------


def packed(name: str, content: bytes, text: str) -> bytes:
    data: bytes = msgpack.packb(msgpack.ExtType(17, msgpack.packb([1, name, content, text, "trace", []])))
    return data


def quiet(inner: bytes) -> bytes:
    """A packed error with something inside that its text does not show: nested two deep."""
    return packed("SyntaxError", b"\x92\xa1q\x94\xc0\xc0\xc0" + inner, "q")


@pytest.mark.parametrize("depth", [NEST_DEPTH // 2 + 1, NEST_DEPTH + 1, 300, 2000])
def test_a_bomb_of_errors_needs_little_stack(depth: int) -> None:
    data = b"\xc0"
    for _ in range(depth):
        data = quiet(data)
    results: list[Any] = []

    def work() -> None:
        try:
            results.append(loads(data))
        except BadFrame as exc:
            results.append(exc)

    before = threading.stack_size(512 << 10)
    try:
        thread = threading.Thread(target=work)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert type(results[0]) is BadFrame


def test_errors_may_be_nested_up_to_the_bound() -> None:
    data = b"\xc0"
    for _ in range(NEST_DEPTH // 2):
        data = quiet(data)
    value = loads(data)
    assert type(value) is SyntaxError
    assert height(value) == NEST_DEPTH
    assert dumps(loads(dumps(value)))


def test_a_bomb_inside_an_error() -> None:
    inner = b"\x91" * 500 + b"\xc0"
    deep = msgpack.unpackb(inner)
    for data in (
        packed("ValueError", b"\x91" + inner, str(ValueError(deep))),
        packed("FileNotFoundError", b"\x93\x02\xa1x" + inner, str(OSError(2, "x", deep))),
        quiet(inner),
    ):
        with pytest.raises(BadFrame, match="nested deeper"):
            loads(data)
        with pytest.raises(BadFrame, match="nested deeper"):
            loads_marked(memoryview(b"\x91" + data))


@settings(deadline=None)
@given(st.integers(-1, 4), st.text(max_size=12) | st.sampled_from(["ValueError", "OSError", "CallTimeout"]), values)
def test_random_errors(kind: int, name: str, content: Any) -> None:
    body = msgpack.packb([kind, name, dumps(content), "", "", []])
    try:
        value = loads(msgpack.packb(msgpack.ExtType(17, body)))
    except BadFrame:
        return
    assert isinstance(value, Exception)
    dumps(value)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        [1, "eval", dumps([]), "", "t", []],
        [1, "ValueError", b"\xc1", "", "t", []],
        [1, "ValueError", dumps(()), "", "t", []],
    ],
)
def test_what_is_no_packed_error(body: Any) -> None:
    with pytest.raises(BadFrame):
        loads(msgpack.packb(msgpack.ExtType(17, msgpack.packb(body))))
