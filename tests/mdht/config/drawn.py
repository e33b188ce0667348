"""Configurations of services by chance, many of them valid."""

from __future__ import annotations

from hypothesis import strategies as st

from mdht.config import SERVICES, ServiceConfig

PLACES = (
    "inline", "coroutine+zmq", "thread", "process+zmq", "process", "thread@a", "process@a", "process@a+zmq",
    "process@b", "process@links",
)  # fmt: skip

SEVERAL = ("process:2@links", "process:2@links+zmq", "process:2@a", "process:3@links", "thread:2@links", "process:2")


def places(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from(PLACES + SEVERAL if name in ("store", "links", "local") else PLACES)


@st.composite
def services(draw: st.DrawFn) -> dict[str, ServiceConfig | str]:
    """Some services elsewhere than the profile has them; links and `local` mostly together."""
    found: dict[str, ServiceConfig | str] = {}
    both = draw(st.none() | places("links"))
    for name in draw(st.lists(st.sampled_from(SERVICES), unique=True, max_size=5)):
        text = draw(st.none() | places(name))
        if draw(st.booleans()):
            affinity, nice = draw(st.sampled_from([None, (), (0,), (1, 0)])), draw(st.sampled_from([None, None, 3, 5]))
            found[name] = ServiceConfig(text, affinity, nice)
        elif text is not None:
            found[name] = text
    if both is not None:
        for name in ("links", "local"):
            own = found.get(name)
            found[name] = ServiceConfig(both, own.affinity, own.nice) if isinstance(own, ServiceConfig) else both
    return found
