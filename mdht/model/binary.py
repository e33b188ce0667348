"""Reading a fixed binary form: numbers big endian, variable parts after their length. Nothing is read twice or skipped.

Names and fields that repeat must be in rising order, so that one content has one form, and one signature.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NoReturn

from ..errors import Malformed
from ..limits import NUMBER_MAX

_U16: Final = Struct(">H").unpack_from
_U64: Final = Struct(">Q").unpack_from


class Reader:
    """Takes `data` apart from its beginning. Each method raises Malformed, naming `what`, where the data ends first."""

    __slots__ = ("_at", "_data", "_end", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._end = len(data)
        self._what = what

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        at = self._at
        after = at + size
        if after > self._end:
            self.fail(f"it ends after {self._end} bytes, within a part that needs {after}")
        self._at = after
        return self._data[at:after]

    def u8(self) -> int:
        """A number of one byte: a length, a count."""
        return self.take(1)[0]

    def u16(self) -> int:
        """A number of two bytes: a length, a port."""
        value: int = _U16(self.take(2))[0]
        return value

    def u64(self) -> int:
        """A number of eight bytes, at most `limits.NUMBER_MAX`: a sequence, a time."""
        value: int = _U64(self.take(8))[0]
        if value > NUMBER_MAX:
            self.fail(f"the number {value} is above {NUMBER_MAX}")
        return value

    def text(self) -> str:
        """ASCII text after its length of one byte."""
        raw = self.take(self.u8())
        if not raw.isascii():
            self.fail("a text is not ASCII")
        return raw.decode("ascii")

    def end(self) -> None:
        """Everything was read. Raises Malformed where bytes are left."""
        if self._at != self._end:
            self.fail(f"{self._end - self._at} bytes too many")

    def fail(self, reason: str) -> NoReturn:
        """Raise Malformed."""
        raise Malformed(self._what, reason)


def text8(text: str) -> bytes:
    """ASCII text of at most 255 characters after its length, for `Reader.text`."""
    raw = text.encode("ascii")
    return bytes((len(raw),)) + raw
