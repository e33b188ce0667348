"""The stream of a link cut into frames: a length of four bytes, big endian, then that many bytes; none is empty.

A length is checked as soon as its four bytes are there, before anything is kept for it. What is kept is at most one
frame that is not complete yet, and what was fed beyond the frames asked for.

Frames are copied once, out of the bytes that were fed; only one that came in several pieces is copied twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final

from ..errors import BadFrame, TooLarge
from ..limits import FRAME_BYTES, FRAME_HEAD_BYTES

_HEAD: Final = Struct(">I")
_pack_head: Final = _HEAD.pack
_read_head: Final = _HEAD.unpack_from


class FrameReader:
    """Gives the frames of the bytes fed to it. For one link, and one thread at a time.

    `limit_bytes` is the largest frame taken, and may be changed between two calls: it holds for the frames given out
    from then on.
    """

    __slots__ = ("_failed", "_kept", "limit_bytes")

    def __init__(self, limit_bytes: int = FRAME_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._kept = bytearray()
        self._failed = ""

    @property
    def waiting_bytes(self) -> int:
        """Bytes fed and not given out yet."""
        return len(self._kept)

    def feed(self, data: bytes, most: int | None = None) -> list[bytes]:
        """The frames that are complete now, oldest first, and at most `most` of them; the others come by `feed(b"")`.

        Raises BadFrame where a length is 0 or above the limit, then and ever after: the stream cannot be read on, and
        frames before it in the same data are lost with it.
        """
        if self._failed:
            raise BadFrame("frame", self._failed)
        kept = self._kept
        source: bytes | memoryview = data
        if kept:
            kept += data
            source = memoryview(kept)
        frames: list[bytes] = []
        at = 0
        size = len(source)
        limit = self.limit_bytes
        while size - at >= FRAME_HEAD_BYTES:
            if most is not None and len(frames) >= most:
                break
            (length,) = _read_head(source, at)
            if not 0 < length <= limit:
                self._failed = f"its length is {length}, where 1 to {limit} are allowed"
                self._kept = bytearray()
                raise BadFrame("frame", self._failed)
            end = at + FRAME_HEAD_BYTES + length
            if end > size:
                break
            frames.append(bytes(source[at + FRAME_HEAD_BYTES : end]))  # of bytes, a slice is a copy already
            at = end
        if isinstance(source, memoryview) and kept:
            source.release()  # or its bytes cannot be let go
            del kept[:at]
        elif at < size:
            self._kept = bytearray(source[at:])
        return frames


def pack_frame(body: bytes, limit_bytes: int = FRAME_BYTES) -> bytes:
    """One frame with its length. Raises TooLarge where it is empty or above the limit."""
    size = len(body)
    if not 0 < size <= limit_bytes:
        raise TooLarge("frame", size, limit_bytes)
    return _pack_head(size) + body


def pack_frames(bodies: Iterable[bytes], limit_bytes: int = FRAME_BYTES) -> bytes:
    """Frames one after another, each with its length, for one write.

    Raises TooLarge where one of them is empty or above the limit; then none is packed.
    """
    parts: list[bytes] = []
    for body in bodies:
        size = len(body)
        if not 0 < size <= limit_bytes:
            raise TooLarge("frame", size, limit_bytes)
        parts.append(_pack_head(size))
        parts.append(body)
    return b"".join(parts)
