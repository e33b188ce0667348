"""The table of registered types."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar, cast

import pytest

from ipc.codec import dumps, loads
from ipc.errors import BadFrame, NotSendable
from ipc.sendable import BY_NAME, BY_TYPE, NAME_CHARS, sendable


def roundtrip(obj: Any) -> Any:
    result = loads(dumps(obj))
    assert type(result) is type(obj)
    return result


@sendable("test.sendable.point")
@dataclass
class Point:
    x: int
    y: int = 0
    unit: ClassVar[str] = "m"


@sendable("test.sendable.checked")
@dataclass(frozen=True, slots=True)
class Checked:
    size: int
    doubled: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("negative")


@sendable("test.sendable.keywords")
@dataclass(kw_only=True)
class Keywords:
    a: int
    b: str = "b"


@sendable("test.sendable.no_init")
@dataclass(init=False)
class NoInit:
    a: int


@sendable("test.sendable.empty")
@dataclass
class Empty:
    pass


@sendable("test.sendable.colour")
class Colour(enum.Enum):
    RED = "r"
    ROT = "r"  # noqa: PIE796
    BLUE = object()


@sendable("test.sendable.mode")
class Mode(enum.IntFlag):
    READ = 1
    WRITE = 2


@sendable("test.sendable.error")
class PlainError(Exception):
    def __init__(self, what: str, code: int) -> None:
        super().__init__(what, code)
        self.what = what
        self.code = code

    def __str__(self) -> str:
        return f"{self.what}: {self.code}"


@sendable("test.sendable.data_error")
@dataclass
class DataError(Exception):
    what: str


def test_a_dataclass_crosses_field_by_field() -> None:
    assert roundtrip(Point(1, 2)) == Point(1, 2)
    assert roundtrip(Empty()) == Empty()
    assert roundtrip(Keywords(a=1)) == Keywords(a=1)


def test_a_field_outside_the_constructor_is_set_after_it() -> None:
    value = Checked(2)
    object.__setattr__(value, "doubled", 4)
    assert roundtrip(value).doubled == 4


def test_a_dataclass_without_a_constructor_is_filled() -> None:
    value = NoInit()
    value.a = 5
    assert roundtrip(value).a == 5


def test_a_field_that_was_never_set_is_refused() -> None:
    with pytest.raises(NotSendable, match=r"NoInit: NoInit cannot be sent; its field 'a' was never set"):
        dumps(NoInit())


def test_the_constructor_validates_what_arrives() -> None:
    data = dumps(Checked(2)).replace(b"\x02\x00", b"\xff\x00")
    with pytest.raises(BadFrame, match="negative"):
        loads(data)


def test_the_number_of_fields_is_checked() -> None:
    data = dumps(Point(1, 2))
    with pytest.raises(BadFrame, match="2 fields, not 1"):
        loads(b"\xc7" + bytes((len(data) - 4, data[2], data[3] - 1)) + data[4:-1])


def test_enums_cross_as_members() -> None:
    assert roundtrip(Colour.BLUE) is Colour.BLUE
    assert roundtrip(Colour.ROT) is Colour.RED
    assert roundtrip(Mode.READ | Mode.WRITE) == Mode.READ | Mode.WRITE


def test_exceptions_cross_with_their_attributes() -> None:
    exc = PlainError("broken", 3)
    exc.add_note("seen twice")
    result = roundtrip(exc)
    assert (result.args, result.code, str(result), result.__notes__) == (exc.args, 3, "broken: 3", ["seen twice"])
    assert roundtrip(DataError("x")).what == "x"


def test_an_exception_whose_arguments_do_not_rebuild_it_is_refused() -> None:
    @sendable("test.sendable.hidden")
    class HiddenError(Exception):
        __slots__ = ("hidden",)

        def __init__(self, hidden: str) -> None:
            super().__init__()
            self.hidden = hidden

        def __str__(self) -> str:
            return getattr(self, "hidden", "")

    with pytest.raises(NotSendable, match="give all arguments to super"):
        dumps([HiddenError("x")])


@pytest.mark.parametrize("name", ["", "x" * (NAME_CHARS + 1), 3, None])
def test_a_name_must_be_short_text(name: Any) -> None:
    with pytest.raises(ValueError, match="a sendable name is text"):
        sendable(name)


def test_a_taken_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"belongs to tests.ipc.test_sendable.Point"):

        @sendable("test.sendable.point")
        @dataclass
        class Other:
            pass

    assert BY_NAME["test.sendable.point"].cls is Point


def test_a_second_name_is_refused() -> None:
    with pytest.raises(ValueError, match="already"):
        sendable("test.sendable.point2")(Point)
    assert "test.sendable.point2" not in BY_NAME


def make(module: str) -> type[Any]:
    return dataclasses.make_dataclass("Again", [("a", int)], namespace={"__module__": module})


def test_a_class_that_is_imported_again_replaces_the_former() -> None:
    first, second, stranger = make("__main__"), make("__mp_main__"), make("elsewhere")
    sendable("test.sendable.again")(first)
    dumps(first(1))
    sendable("test.sendable.again")(second)
    assert first not in BY_TYPE
    assert type(loads(dumps(second(1)))) is second
    with pytest.raises(ValueError, match="belongs to"):
        sendable("test.sendable.again")(stranger)


def test_what_is_no_dataclass_enum_or_exception_is_refused() -> None:
    class Nothing:
        pass

    @dataclass
    class Bag(list):  # type: ignore[type-arg]
        name: str = ""

    @dataclass
    class Initial:
        a: int
        seed: InitVar[int]

    with pytest.raises(TypeError, match="write @sendable above @dataclass"):
        sendable("test.sendable.nothing")(Nothing)
    with pytest.raises(TypeError, match="subclasses a built-in"):
        sendable("test.sendable.bag")(Bag)
    with pytest.raises(TypeError, match="InitVar"):
        sendable("test.sendable.initial")(Initial)
    with pytest.raises(TypeError, match="is for classes"):
        sendable("test.sendable.value")(cast(Any, 3))


def test_a_subclass_is_not_registered_with_its_base() -> None:
    class Sub(Point):
        pass

    with pytest.raises(NotSendable) as caught:
        dumps(Sub(1, 2))
    assert (caught.value.path, caught.value.type_name) == ("Sub", "Sub")


def pairs_of(bag: Bag) -> list[Any]:
    return [list(bag.counts.items()), bag.most]


def bag_of(values: Sequence[Any]) -> Bag:
    pairs, most = values
    if len(pairs) > most:
        raise ValueError("too full")
    bag = Bag(most)
    bag.counts.update(pairs)
    return bag


@sendable("test.bag", parts=pairs_of, build=bag_of)
class Bag:
    """No dataclass: what it is made of is not what it is sent as."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.counts: dict[str, int] = {}


def test_any_class_crosses_that_says_how() -> None:
    bag = Bag(2)
    bag.counts["a"] = 3
    there = loads(dumps([bag]))[0]
    assert type(there) is Bag and there is not bag and (there.most, there.counts) == (2, {"a": 3})


def test_what_its_builder_refuses_is_a_bad_frame() -> None:
    bag = Bag(0)
    bag.counts["a"] = 3
    with pytest.raises(BadFrame, match="too full"):
        loads(dumps(bag))


def test_what_cannot_be_sent_in_its_parts_is_named() -> None:
    bag = Bag(1)
    bag.counts["a"] = object()  # type: ignore[assignment]
    with pytest.raises(NotSendable, match="object"):
        dumps(bag)


def test_parts_without_build() -> None:
    with pytest.raises(TypeError, match="belong together"):
        sendable("test.half", parts=pairs_of)
