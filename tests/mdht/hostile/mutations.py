"""Changes to bytes that parsers get wrong: bits, lengths, stretches, ends, and parts of something else."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

EDGES: Final = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7FFFFFFF,
    0xFFFFFFFF,
    (1 << 63) - 1,
    1 << 63,
    (1 << 64) - 1,
)
"""Numbers at the ends of the widths that formats have."""

_Change = Callable[[random.Random, bytearray, Sequence[bytes]], None]


def mutated(draw: random.Random, samples: Sequence[bytes], most: int = 3) -> bytes:
    """One of the samples after 1 to `most` changes; by chance it may be what it was."""
    data = bytearray(draw.choice(samples))
    for _ in range(draw.randint(1, most)):
        draw.choice(_CHANGES)(draw, data, samples)
    return bytes(data)


def _flip(draw: random.Random, data: bytearray, samples: Sequence[bytes]) -> None:
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _byte(draw: random.Random, data: bytearray, samples: Sequence[bytes]) -> None:
    if data:
        data[draw.randrange(len(data))] = draw.choice(
            (0, 1, 0x7F, 0x80, 0xC0, 0xC1, 0xDC, 0xDD, 0xFF, draw.randrange(256))
        )


def _early_byte(draw: random.Random, data: bytearray, samples: Sequence[bytes]) -> None:
    """Numbers, kinds and lengths stand in front."""
    if data:
        data[draw.randrange(min(len(data), 8))] = draw.randrange(256)


def _number(draw: random.Random, data: bytearray, samples: Sequence[bytes]) -> None:
    width = draw.choice((1, 2, 4, 8))
    at = draw.randrange(len(data) + 1)
    data[at : at + width] = (draw.choice(EDGES) & ((1 << 8 * width) - 1)).to_bytes(width, "big")


def _cut(draw: random.Random, data: bytearray, samples: Sequence[bytes]) -> None:
    del data[draw.randrange(len(data) + 1) :]


def _remove(draw: random.Random, data: bytearray, samples: Sequence[bytes]) -> None:
    at = draw.randrange(len(data) + 1)
    del data[at : at + draw.randint(1, 16)]


def _put_in(draw: random.Random, data: bytearray, samples: Sequence[bytes]) -> None:
    at = draw.randrange(len(data) + 1)
    data[at:at] = draw.randbytes(draw.randint(1, 16))


def _repeat(draw: random.Random, data: bytearray, samples: Sequence[bytes]) -> None:
    at = draw.randrange(len(data) + 1)
    data[at:at] = data[at : at + draw.randint(1, 64)] * draw.randint(1, 3)


def _splice(draw: random.Random, data: bytearray, samples: Sequence[bytes]) -> None:
    """The end of another sample behind the beginning of this one."""
    other = draw.choice(samples)
    data[draw.randrange(len(data) + 1) :] = other[draw.randrange(len(other) + 1) :]


_CHANGES: Final[tuple[_Change, ...]] = (
    _flip, _flip, _byte, _early_byte, _number, _cut, _remove, _put_in, _repeat, _splice,
)  # fmt: skip


def value(draw: random.Random, depth: int = 0) -> Any:
    """Any value that an encoding can say, of a type or size that the field in question may not have."""
    match draw.randrange(10 if depth < 3 else 7):
        case 0:
            return draw.choice(EDGES)
        case 1:
            return -draw.choice(EDGES[:-2])
        case 2:
            return draw.randbytes(draw.choice((0, 1, 31, 32, 33, 64, 300)))
        case 3:
            return "é\0" * draw.choice((0, 1, 16, 200))
        case 4:
            return draw.choice((None, True, False))
        case 5:
            return draw.choice((0.0, -1.5, 1e308))
        case 6:
            return draw.randrange(1 << 32)
        case 7:
            return {str(n): value(draw, depth + 1) for n in range(draw.randrange(4))}
        case _:
            return [value(draw, depth + 1) for _ in range(draw.randrange(5))]
