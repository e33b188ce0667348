from __future__ import annotations

from mdht.errors import shown


def test_text_of_others_is_one_short_line() -> None:
    for quotes in (True, False):
        text = shown("\x1b[31m\n" + "x" * 500, quotes=quotes)
        assert text.isprintable() and len(text) < 120
    assert shown("plain", quotes=False) == "plain"
    assert shown("plain") == "'plain'"
