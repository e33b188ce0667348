"""The screen of `top`, for terminals of any size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdht.cli.top.layout import Page, Style, page_of, table_of
from mdht.cli.top.look import Process, ProcessView, ServiceView, View
from mdht.cli.top.state import Order, State
from mdht.control import About, ServiceRow

from .views import NAMES, view


def texts(page: Page) -> list[str]:
    return [one.text for one in page.lines]


def words(page: Page, style: Style = Style.TITLES) -> list[str]:
    return next(one.text for one in page.lines if one.style is style).split()


def test_a_small_terminal() -> None:
    """The essential columns whole, and a mark that there is more."""
    page = page_of(view(), State(), 40, 10)
    assert len(page.lines) == 10
    assert words(page) == ["Service", "CPU%", "Mem", "Calls/s", "Queue"]
    assert texts(page)[2].split() == ["store", "0.0", "50M", "0", "0"]
    assert texts(page)[3].split() == ["published", "3.0", "51M", "12,346", "0"]
    assert "CPU 100%" in texts(page)[0] and "links 12" in texts(page)[0]
    assert "q quit" in texts(page)[-1] and "↓10 more" in texts(page)[-1]
    assert not any("…" in one for one in texts(page))


def test_the_usual_terminal() -> None:
    page = page_of(view(), State(), 80, 24)
    text = "\n".join(texts(page))
    assert len(page.lines) == 24
    for name in (*NAMES, "process:4@links *", "4 procs", "served 18,000/s", "up 1:06:40", "records 1,234 (5.0M)"):
        assert name in text
    assert words(page) == ["Service", "Placement", "PID", "CPU%", "Mem", "Calls/s", "Queue", "Oldest", "p99", "Rst"]
    assert "104        40.0  94M       3 sleeping local links" in texts(page)
    assert "more" not in texts(page)[-1], "all of it is there"


def test_a_wide_terminal() -> None:
    page = page_of(view(), State(), 160, 50)
    assert {"Hang", "Lost", "p50", "Busy%", "Errs", "Moves", "error"} < set(words(page))
    assert any(one.text.endswith("signal 9 (SIGKILL)") and one.style is Style.WARN for one in page.lines)


def test_scrolling() -> None:
    """Titles stay above their rows; the end is the end."""
    page = page_of(view(), State(offset=2), 80, 10)
    assert (page.offset, texts(page)[2].split()[0]) == (2, "peers")
    assert "↑2 ↓" in texts(page)[-1]
    page = page_of(view(), State(offset=1 << 30), 80, 10)
    assert page.offset == 10 and words(page)[0] == "Process"
    assert any(one.startswith("104") for one in texts(page)) and "↓" not in texts(page)[-1]
    seen = {texts(page_of(view(), State(offset=at), 80, 10))[2].split()[0] for at in range(12)}
    assert seen >= {*NAMES[:10], "100"}, "every row can be scrolled to"


def test_without_processes() -> None:
    page = page_of(view(), State(processes=False), 80, 24)
    assert not any("Process" in one or "sleeping" in one for one in texts(page))
    assert "p +processes" in texts(page)[-1]


def test_nothing_is_known_yet() -> None:
    one = ServiceView(ServiceRow("store", "inline", pids=(7,), rss_bytes=5 << 20))
    first = View(about=About(id=b"\x01" * 32), services=(one,), processes=(ProcessView(Process(7), ("store",)),))
    page = page_of(first, State(), 40, 10)
    assert texts(page)[2].split() == ["store", "5.0M", "0"], "no rates"
    assert "CPU -%" in texts(page)[0]
    assert len(page_of(View(), State(), 80, 24).lines) == 24


def test_trouble_is_told() -> None:
    page = page_of(view("the node is gone"), State(), 80, 24)
    assert [one.text for one in page.lines if one.style is Style.BAD] == ["the node is gone"]
    assert page_of(view("gone"), State(), 80, 3).lines[-1].text.startswith("gone")


def test_who_does_not_answer_is_marked() -> None:
    """At any size that shows its row."""
    silent = replace(view(), services=(ServiceView(ServiceRow("store", "process", silent_s=12.0, last_hang="stuck")),))
    for width in (40, 80, 160):
        line = page_of(silent, State(), width, 10).lines[2]
        assert line.text.startswith("store silent 12.0s") and line.style is Style.BAD
    assert "stuck" in line.text


def test_sorted() -> None:
    page = page_of(view(), State(order=Order.CPU), 80, 24)
    rows = [one.split()[0] for one in texts(page)[4:14]]
    assert rows == list(NAMES[::-1])
    assert texts(page)[16].startswith("104")
    assert "[c CPU]" in texts(page)[-1]


def test_once() -> None:
    lines = table_of(view(), 80)
    assert all(len(one) <= 80 for one in lines)
    assert len(lines) == 3 + 1 + 11 + 1 + 6
    assert table_of(view("numbers are missing"), 80)[3] == "numbers are missing"


anything = st.text(max_size=30)
rows = st.builds(
    ServiceRow,
    name=anything,
    placement=anything,
    pids=st.lists(st.integers(0, 1 << 22), max_size=5).map(tuple),
    calls=st.integers(0, 1 << 62),
    queued=st.integers(0, 1 << 40),
    oldest_wait_s=st.floats(0, 1e9),
    p99_s=st.floats(0, 1e9),
    rss_bytes=st.integers(0, 1 << 60),
    restarts=st.integers(0, 1 << 40),
    last_error=anything,
)
rate = st.none() | st.floats(0, 1e18)
views = st.builds(
    lambda services, processes, trouble: replace(view(trouble), services=services, processes=processes),
    st.lists(st.builds(ServiceView, rows, rate, rate, rate), max_size=8).map(tuple),
    st.lists(
        st.builds(ProcessView, st.builds(Process, st.integers(0, 1 << 22), role=anything), cpu_percent=rate), max_size=8
    ).map(tuple),
    anything,
)
states = st.builds(State, st.sampled_from(Order), st.booleans(), st.integers(0, 40))


@given(views, states, st.integers(1, 200), st.integers(1, 60))
def test_any_size(view: View, state: State, width: int, height: int) -> None:
    """No line is wider than the terminal, nothing but characters is in it, and header and footer are there."""
    page = page_of(view, state, width, height)
    assert len(page.lines) == height
    for text, _ in page.lines:
        assert len(text) <= width and text.isprintable()
    assert page.lines[0].style is Style.HEAD
    if height > 1:
        assert page.lines[-1].style is Style.KEYS
        assert width < 40 or "q quit" in page.lines[-1].text or (height < 4 and view.trouble)
    again = page_of(view, replace(state, offset=page.offset), width, height)
    assert again == page, "the offset that it tells is the one that it shows"


@pytest.mark.parametrize("width", range(1, 200, 7))
def test_columns_are_dropped_whole(width: int) -> None:
    """What is shown at one width is shown at every greater one, and no number is cut."""
    page, wider = page_of(view(), State(), width, 30), page_of(view(), State(), width + 7, 30)
    if width >= 9:
        assert set(words(page)) <= set(words(wider))
        assert all("…" not in one for one in texts(page)[4:14] if "process" not in one and "error" not in one)
