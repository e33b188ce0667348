"""Exceptions across processes."""

from __future__ import annotations

import builtins
import gc
import weakref
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc import errors
from ipc.codec import dumps, loads
from ipc.errors import BadFrame, CallTimeout, NotSendable, PlacementError, RemoteTraceback, ServiceDied, ServiceError
from ipc.remote_errors import TEXT_CHARS, localise, pack_error, unpack_error
from ipc.sendable import BY_NAME, sendable


def roundtrip(exc: BaseException) -> BaseException:
    result = unpack_error(loads(dumps(pack_error(exc))))
    assert isinstance(result.__cause__, RemoteTraceback)
    assert type(exc).__name__ in str(result.__cause__)
    return result


@sendable("test.errors.full")
class StoreFullError(Exception):
    def __init__(self, used: int, limit: int) -> None:
        super().__init__(used, limit)
        self.used = used

    def __str__(self) -> str:
        return f"{self.used} of {self.args[1]} bytes"


@sendable("test.errors.frozen")
@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


class OwnError(Exception):
    pass


def decode_error() -> UnicodeDecodeError:
    return UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")


@pytest.mark.parametrize(
    "exc",
    [
        ValueError("a", 1, (2, b"x")),
        ValueError(),
        KeyError("key"),
        StopIteration(5),
        OSError(2, "No such file", "/a", None, "/b"),
        FileNotFoundError(2, "No such file", b"/a"),
        BlockingIOError(11, "would block", 5),
        OSError("only text"),
        decode_error(),
        UnicodeEncodeError("ascii", "ä", 0, 1, "ordinal"),
        SyntaxError("bad", ("file", 1, 2, "text", 1, 3)),
        RecursionError("deep"),
        CallTimeout("store", 1.5),
        ServiceDied("store", "killed", -9),
        PlacementError("x", "y", ("a", "b")),
        NotSendable("a.b", "T"),
        errors.MoveTimeout("late"),
        ServiceError("X", "y"),
        StoreFullError(5, 9),
        FrozenError(3),
    ],
    ids=lambda exc: type(exc).__name__,
)
def test_own_type_where_the_text_is_the_same(exc: Exception) -> None:
    result = roundtrip(exc)
    assert type(result) is type(exc)
    assert (str(result), result.args) == (str(exc), exc.args)
    if isinstance(exc, OSError):
        assert (result.errno, result.filename, result.filename2) == (exc.errno, exc.filename, exc.filename2)  # type: ignore[attr-defined]


def test_attributes_of_a_sendable_exception() -> None:
    result = roundtrip(StoreFullError(5, 9))
    assert isinstance(result, StoreFullError)
    assert result.used == 5


class MutilatedError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class HidingError(ValueError):
    def __str__(self) -> str:
        return "hidden"


@pytest.mark.parametrize(
    ("exc", "type_name", "message"),
    [
        (OwnError("x"), f"{__name__}.OwnError", "x"),
        (HidingError("x"), f"{__name__}.HidingError", "hidden"),
        (ValueError(object), "ValueError", "<class 'object'>"),
        (KeyboardInterrupt("k"), "KeyboardInterrupt", "k"),
        (ExceptionGroup("g", [ValueError("x")]), "ExceptionGroup", "g (1 sub-exception)"),
        (MutilatedError("x"), f"{__name__}.MutilatedError", "<its text could not be made>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_rest_is_a_service_error(exc: BaseException, type_name: str, message: str) -> None:
    result = roundtrip(exc)
    assert isinstance(result, ServiceError)
    assert (result.type_name, result.message) == (type_name, message)


def test_a_changed_text_is_kept_by_giving_up_the_type() -> None:
    exc = decode_error()
    exc.reason = "changed"
    result = roundtrip(exc)
    assert str(exc) in str(result)


def test_a_type_unknown_here_is_a_service_error() -> None:
    packed = [pack_error(StoreFullError(5, 9)), pack_error(ValueError(StoreFullError(1, 2)))]
    entry = BY_NAME.pop("test.errors.full")
    try:
        first, second = map(unpack_error, packed)
    finally:
        BY_NAME["test.errors.full"] = entry
    assert str(first) == "test.errors.full: 5 of 9 bytes"
    assert str(second) == "ValueError: 1 of 2 bytes"


def test_notes_and_the_chain_are_kept() -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as exc:
        exc.add_note("first")
        exc.__notes__.append(3)  # type: ignore[arg-type]
        for kind in (exc, FrozenError(1)):
            BaseException.__setattr__(kind, "__notes__", ["first"])
            assert roundtrip(kind).__notes__ == ["first"]
        text = str(roundtrip(exc).__cause__)
    assert "KeyError: 'inner'" in text
    assert "direct cause" in text
    assert __file__ in text


def test_long_texts_are_cut() -> None:
    packed = pack_error(OwnError("x" * 3 * TEXT_CHARS))
    assert len(packed[3]) == TEXT_CHARS
    assert len(packed[4]) == TEXT_CHARS
    long = ValueError("y" * 3 * TEXT_CHARS)
    assert roundtrip_text(long) == str(long)


def roundtrip_text(exc: BaseException) -> str:
    return str(unpack_error(pack_error(exc)))


def test_a_deep_recursion_is_packed() -> None:
    def deeper() -> None:
        deeper()

    with pytest.raises(RecursionError) as caught:
        deeper()
    assert type(roundtrip(caught.value)) is RecursionError


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
    "packed",
    [
        None,
        [],
        [1, "ValueError", b"", "x", "t", []],
        [1, "SystemExit", dumps([]), "", "t", []],
        [1, "eval", dumps([]), "", "t", []],
        [2, "ValueError", dumps([]), "", "t", []],
        [1, "ValueError", dumps(()), "", "t", []],
        [3, "x", dumps(5), "5", "t", []],
        [4, "ValueError", dumps([]), "", "t", []],
        [True, "ValueError", dumps([]), "", "t", []],
        [1, "ValueError", dumps([]), "", "t", [3]],
        [1, "ValueError", dumps([]), "", "t"],
    ],
)
def test_garbage_is_a_bad_frame(packed: Any) -> None:
    with pytest.raises(BadFrame):
        unpack_error(packed)


@settings(deadline=None)
@given(st.text() | st.binary() | st.integers() | st.tuples(st.text(), st.floats(allow_nan=False)))
def test_arguments_of_any_kind(value: Any) -> None:
    result = roundtrip(ValueError(value, value))
    assert type(result) is ValueError
    assert result.args == (value, value)


class Held:
    pass


def test_an_error_of_this_process_lets_its_frames_go() -> None:
    held = Held()
    gone = weakref.ref(held)

    def service(thing: Held) -> None:
        try:
            raise KeyError("inner")
        except KeyError:
            raise FrozenError(3)  # noqa: B904

    exc: BaseException | None = None
    try:
        service(held)
    except FrozenError as caught:
        exc = localise(caught)
        assert exc is caught
    del held
    gc.collect()
    assert gone() is None
    assert exc is not None
    assert exc.__traceback__ is None or exc.__traceback__.tb_next is None
    assert "in service" in str(exc.__cause__)
    assert "KeyError: 'inner'" in str(exc.__cause__)
