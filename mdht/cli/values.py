"""Keys, ids and values as arguments and options."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Any

import click

from ..control.limits import TIMEOUT_MAX_S
from ..limits import CLOSEST_PEERS, EXPIRES_S, HASH_BYTES, NUMBER_MAX, VALUE_BYTES

if TYPE_CHECKING:
    _BytesType = click.ParamType[bytes]
    _NumberType = click.ParamType[int | float]
else:  # older ones are not generic
    _BytesType = _NumberType = click.ParamType


class HexType(_BytesType):
    """Bytes in hexadecimal, of one length or any."""

    name = "hex"

    def __init__(self, what: str, length: int = 0) -> None:
        self.what = what
        self.length = length

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        if isinstance(value, bytes):
            return value
        try:
            data = bytes.fromhex(value)
        except ValueError:
            data = b""
        if not data or (self.length and len(data) != self.length) or len(value) != 2 * len(data):
            need = f"{2 * self.length} hexadecimal digits" if self.length else "hexadecimal digits, two a byte"
            self.fail(f"{value!r} is no {self.what}: it has {need}.", param, ctx)
        return data


class Number(_NumberType):
    """A number in a range, which is told only to who leaves it."""

    def __init__(self, kind: type[int] | type[float], low: float, high: float, *, above: bool = False) -> None:
        """`above`: `low` itself is out of range."""
        self.name = "number"
        self._kind = kind
        self._low, self._high, self._above = low, high, above

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        try:
            number = self._kind(value)
        except (ValueError, OverflowError):
            number = self._kind(-1)
        if not self._low <= number <= self._high or (self._above and number == self._low):
            whole = "a whole number" if self._kind is int else "a number"
            low = f"above {self._low:g}" if self._above else f"from {self._low:g}"
            self.fail(f"{value!r} is not {whole} {low} to {self._high:,.0f}.", param, ctx)
        return number


VERSION = Number(int, 0, NUMBER_MAX)
KEEP = Number(int, 0, EXPIRES_S)
REPLICAS = Number(int, 0, CLOSEST_PEERS)
SECONDS = Number(float, 0, TIMEOUT_MAX_S, above=True)
HASH = HexType("hash", HASH_BYTES)
PUBLIC = HexType("public key", HASH_BYTES)


def key_of(text: str, is_hex: bool) -> bytes:
    """A key as it was typed: its UTF-8 bytes (those of the file system's encoding, exactly), or hexadecimal."""
    if not is_hex:
        return os.fsencode(text)
    return HexType("key").convert(text, None, None)


def content_key_of(text: str) -> bytes:
    """The key of a content record."""
    try:
        return HASH.convert(text, None, None)
    except click.BadParameter:
        raise click.UsageError(
            f"{text!r} is no hash. Content is found by its hash, {2 * HASH_BYTES} hexadecimal digits; "
            "for a record with a key say --kind owned or --kind open."
        ) from None


def value_of(text: str) -> bytes:
    """The value: `-` reads stdin to its end, but no more than a record holds. Raises UsageError."""
    if text != "-":
        return os.fsencode(text)
    if sys.stdin is None:
        raise click.UsageError("There is no stdin to take the value from.")
    return limited(sys.stdin.buffer)


def limited(source: IO[bytes]) -> bytes:
    """All of a file, if it fits a record. Raises UsageError."""
    data = source.read(VALUE_BYTES + 1)
    if len(data) > VALUE_BYTES:
        raise click.UsageError(
            f"The value has more than {VALUE_BYTES:,} bytes, the most that a record holds; share it with `mdht share`."
        )
    return data
