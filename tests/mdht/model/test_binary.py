from __future__ import annotations

import pytest

from mdht.errors import Malformed
from mdht.limits import NUMBER_MAX
from mdht.model.binary import Reader, text8


def test_everything_in_order() -> None:
    reader = Reader(b"\x07" + b"\x01\x02" + NUMBER_MAX.to_bytes(8, "big") + text8("abc") + b"xyz", "thing")
    assert (reader.u8(), reader.u16(), reader.u64(), reader.text(), reader.take(3)) == (
        7,
        258,
        NUMBER_MAX,
        "abc",
        b"xyz",
    )
    reader.end()


@pytest.mark.parametrize("method", ["u8", "u16", "u64", "text"])
def test_too_short(method: str) -> None:
    with pytest.raises(Malformed, match="malformed thing: it ends after 0 bytes"):
        getattr(Reader(b"", "thing"), method)()


def test_cut_text_number_too_large_not_ascii_and_bytes_left() -> None:
    for data, method, says in (
        (b"\x05abc", "text", "ends after 4"),
        ((NUMBER_MAX + 1).to_bytes(8, "big"), "u64", "is above"),
        (b"\x01\xff", "text", "not ASCII"),
        (b"x", "end", "1 bytes too many"),
    ):
        with pytest.raises(Malformed, match=says):
            getattr(Reader(data, "thing"), method)()
